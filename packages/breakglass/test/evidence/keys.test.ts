import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { generateKeyPairSync, hash } from 'node:crypto'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { makeEvidenceKey, readEvidenceKey } from '../../src/evidence/key.ts'
import { ensureEvidenceKey, loadEvidenceKey } from '../../src/evidence/key-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'rekey-evidence-'))
after(() => rmSync(folder, { recursive: true }))

describe('the evidence key', () => {
  it('is known by the SHA-256 of its raw public key', () => {
    const { fingerprint, publicKey } = readEvidenceKey(makeEvidenceKey().pem)
    assert.equal(Buffer.from(publicKey, 'base64url').length, 32)
    assert.equal(fingerprint, hash('sha256', Buffer.from(publicKey, 'base64url')))
  })

  it('is a new one each time that one is made', () => {
    assert.notEqual(makeEvidenceKey().pem, makeEvidenceKey().pem)
  })

  it('is Ed25519 and no other; what is wrong is said without what was read', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pems = [privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'a-secret-of-something-else', '']
    for (const pem of pems) {
      assert.throws(() => readEvidenceKey(pem), {
        code: 'EVIDENCE_INVALID',
        message: /^the evidence key is no Ed25519 private key/,
      })
    }
  })

  it('is made in a file that nobody else may read, and kept there', () => {
    const path = join(folder, 'new', 'evidence.key')
    const made = ensureEvidenceKey(path)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.equal(ensureEvidenceKey(path).fingerprint, made.fingerprint)
    assert.equal(loadEvidenceKey(path).fingerprint, made.fingerprint)
    assert.deepEqual(readdirSync(join(folder, 'new')), ['evidence.key'])
  })

  it('is not taken from a file that others may read', () => {
    const path = join(folder, 'open.key')
    ensureEvidenceKey(path)
    for (const mode of [0o640, 0o604, 0o620]) {
      chmodSync(path, mode)
      assert.throws(() => ensureEvidenceKey(path), { code: 'FILE_FAILED', message: /others may read/ })
    }
  })

  it('is never put in the place of something else', () => {
    const path = join(folder, 'strange.key')
    writeFileSync(path, 'not a key', { mode: 0o600 })
    assert.throws(() => ensureEvidenceKey(path), { code: 'EVIDENCE_INVALID' })
    assert.equal(readFileSync(path, 'utf8'), 'not a key')
    assert.throws(() => ensureEvidenceKey(folder), { code: 'FILE_FAILED' })
    assert.throws(() => loadEvidenceKey(join(folder, 'nowhere')), {
      code: 'FILE_FAILED',
      message: /there is no evidence key/,
    })
  })

  it('is the same to several processes that make it at once', async () => {
    const path = join(folder, 'race', 'evidence.key')
    const module = new URL('../../src/evidence/key-file.ts', import.meta.url).href
    const script = `const { ensureEvidenceKey } = await import(${JSON.stringify(module)}); console.log(ensureEvidenceKey(${JSON.stringify(path)}).fingerprint)`
    const run = () => promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
    const printed = await Promise.all([run(), run(), run()])
    assert.equal(new Set(printed.map(({ stdout }) => stdout)).size, 1)
    assert.match(printed[0]?.stdout ?? '', /^[0-9a-f]{64}\n$/)
  })
})
