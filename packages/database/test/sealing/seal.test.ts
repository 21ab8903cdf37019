import assert from 'node:assert/strict'
import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DatabaseError, type DatabaseErrorCode } from '../../src/error.ts'
import { type RootKey, readRootKey } from '../../src/sealing/root-key.ts'
import { rootIdOf, sealerFor } from '../../src/sealing/seal.ts'

const record = 'keyrings/signing-es256/a-kid'
const root = await rootFrom(randomBytes(32).toString('hex'))
const sealer = sealerFor(root)
const secret = Buffer.from('-----BEGIN PRIVATE KEY-----')

async function rootFrom(hex: string): Promise<RootKey> {
  return readRootKey('env:ROOT', { ROOT: hex })
}

function refusal(act: () => unknown): { code: DatabaseErrorCode; text: string } {
  try {
    act()
  } catch (error) {
    if (error instanceof DatabaseError) return { code: error.code, text: `${error.message} ${String(error.cause)}` }
    throw error
  }
  return assert.fail('it opened')
}

describe('a sealed secret', () => {
  it('opens to what was sealed, whatever its bytes and its record are', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.string({ maxLength: 100, unit: 'grapheme' }),
        (bytes, where) => {
          assert.deepEqual(sealer.open(where, sealer.seal(where, bytes)), Buffer.from(bytes))
        },
      ),
    )
  })

  it('names its format and its root key, and never looks the same twice', () => {
    const sealed = sealer.seal(record, secret)
    assert.ok(sealed.startsWith(`s1.${root.id}.`))
    assert.match(sealed, /^s1\.[0-9a-f]{12}\.[\w-]{16}\.[\w-]+$/)
    assert.notEqual(sealer.seal(record, secret), sealed)
  })

  it('shows nothing of what is in it', () => {
    const [, , , body = ''] = sealer.seal(record, secret).split('.')
    assert.equal(Buffer.from(body, 'base64url').includes(secret.subarray(0, 8)), false)
  })

  it('does not open in the place of another', () => {
    const sealed = sealer.seal(record, secret)
    for (const other of [`${record} `, 'keyrings/signing-es256/another-kid', '']) {
      assert.equal(refusal(() => sealer.open(other, sealed)).code, 'SEAL_DAMAGED')
    }
  })

  it('opens under the same root key in another process, and not under another', async () => {
    const sealed = sealer.seal(record, secret)
    assert.deepEqual(sealerFor({ ...root, key: Buffer.from(root.key) }).open(record, sealed), secret)
    const other = await rootFrom(randomBytes(32).toString('hex'))
    const { code, text } = refusal(() => sealerFor(other).open(record, sealed))
    assert.equal(code, 'ROOT_KEY_MISMATCH')
    assert.ok(text.includes(root.id) && text.includes(other.id))
  })

  it('opens under whichever of several root keys sealed it, and seals under the one that it is told to', async () => {
    const other = await rootFrom(randomBytes(32).toString('hex'))
    const held = { all: [other, root], sealing: root }
    const both = sealerFor(held)
    assert.equal(rootIdOf(both.seal(record, secret)), root.id)
    held.sealing = other
    const sealed = both.seal(record, secret)
    assert.equal(rootIdOf(sealed), other.id)
    assert.deepEqual(both.open(record, sealed), secret)
    assert.deepEqual(both.open(record, sealer.seal(record, secret)), secret)
    assert.equal(refusal(() => sealer.open(record, sealed)).code, 'ROOT_KEY_MISMATCH')
    assert.equal(rootIdOf('a text'), undefined)
  })

  it('does not open under another root key that says it is the same', () => {
    const impostor = sealerFor({ id: root.id, key: randomBytes(32) })
    assert.equal(refusal(() => impostor.open(record, sealer.seal(record, secret))).code, 'SEAL_DAMAGED')
  })

  it('does not open when any one of its characters is another', () => {
    // 27 bytes and a tag of 16 leave unused bits in the last character: they count as well.
    const sealed = sealer.seal(record, secret)
    const rootId = { from: sealed.indexOf('.') + 1, to: sealed.indexOf('.', 3) }
    for (let at = 0; at < sealed.length; at++) {
      for (const character of ['A', 'B', 'z', '0', '-', '.', '=', '\n']) {
        if (sealed[at] === character) continue
        const { code } = refusal(() => sealer.open(record, sealed.slice(0, at) + character + sealed.slice(at + 1)))
        const inRootId = at >= rootId.from && at < rootId.to && character !== '.'
        assert.equal(code, inRootId ? 'ROOT_KEY_MISMATCH' : 'SEAL_DAMAGED', `character ${at} as ${character}`)
      }
    }
  })

  it('does not open when it is cut, extended or empty', () => {
    const sealed = sealer.seal(record, secret)
    const [format, id, iv] = sealed.split('.')
    const misshapen = ['', '.', '...', 's1', `${sealed}A`, `${sealed}.`, `${sealed}=`, `${sealed}\n`, ` ${sealed}`]
    const cut = Array.from({ length: sealed.length }, (_, length) => sealed.slice(0, length))
    for (const text of [...misshapen, `${format}.${id}.${iv}.`, `${format}.${id}..AAAA`, sealed.replace('s1', 's2')]) {
      assert.equal(refusal(() => sealer.open(record, text)).code, 'SEAL_DAMAGED', JSON.stringify(text))
    }
    for (const text of cut) {
      const { code } = refusal(() => sealer.open(record, text))
      assert.equal(code, 'SEAL_DAMAGED', JSON.stringify(text))
    }
  })

  it('does not open by a tag that was shortened to what can be guessed', () => {
    const header = `s1.${root.id}`
    const key = Buffer.from(hkdfSync('sha256', root.key, Buffer.alloc(0), `rekey seal ${record}`, 32))
    const iv = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(`${header} ${record}`))
    cipher.final()
    const tag = cipher.getAuthTag()
    const withTag = (bytes: Buffer) => `${header}.${iv.toString('base64url')}.${bytes.toString('base64url')}`
    assert.equal(sealer.open(record, withTag(tag)).length, 0)
    for (const length of [4, 8, 12, 15]) {
      assert.equal(refusal(() => sealer.open(record, withTag(tag.subarray(0, length)))).code, 'SEAL_DAMAGED')
    }
  })

  it('never has its content or the key in a refusal', async () => {
    const sealed = sealer.seal(record, secret)
    const other = sealerFor(await rootFrom(randomBytes(32).toString('hex')))
    for (const act of [() => sealer.open('else', sealed), () => other.open(record, sealed)]) {
      const { text } = refusal(act)
      assert.equal(text.includes(Buffer.from(root.key).toString('hex')), false)
      assert.equal(text.includes(sealed.split('.')[3] ?? ''), false)
    }
  })
})
