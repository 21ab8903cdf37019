import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeUnverified, fingerprintOf, openNote, readVerifierKey, verifierKey } from '../../src/audit/note.ts'
import { auditSigner } from '../../src/audit/signer.ts'
import { foreigner, signer } from './estate.ts'

const checkpoint = { size: 3, root: 'ab'.repeat(32), head: 'cd'.repeat(32), time: '2026-03-31T12:00:00.000Z' }
const note = signer.note(checkpoint)

describe('a checkpoint as a signed note', () => {
  it('has the lines that C2SP tlog-checkpoint prescribes, then ours', () => {
    const [origin, size, root, time, head, blank, signature, end] = note.split('\n')
    assert.deepEqual([origin, size, blank, end], ['idp.example.com/audit', '3', '', ''])
    assert.equal(root, Buffer.from(checkpoint.root, 'hex').toString('base64'))
    assert.deepEqual([time, head], [`time ${checkpoint.time}`, `head ${checkpoint.head}`])
    assert.match(signature ?? '', /^— idp\.example\.com\/audit [A-Za-z0-9+/]{91}=$/)
  })

  it('opens by the key that signed it, and by no other', () => {
    assert.deepEqual(openNote(note, signer.publicKey), { origin: 'idp.example.com/audit', ...checkpoint })
    assert.equal(openNote(note, foreigner.publicKey), undefined)
  })

  it('opens when others have signed it besides', () => {
    const cosigned = `${note}— witness.example.com ${Buffer.alloc(76).toString('base64')}\n`
    assert.equal(openNote(cosigned, signer.publicKey)?.size, 3)
    assert.equal(openNote(`${cosigned}x`, signer.publicKey), undefined)
  })

  it('does not open with anything in it changed', () => {
    for (let at = 0; at < note.length; at += 1) {
      const changed = `${note.slice(0, at)}${note[at] === 'A' ? 'B' : 'A'}${note.slice(at + 1)}`
      assert.equal(openNote(changed, signer.publicKey), undefined, `${at}`)
    }
    for (const changed of [` ${note}`, `${note}\n`, note.trimEnd(), note.repeat(2), note.replace('\n3\n', '\n03\n')]) {
      assert.equal(openNote(changed, signer.publicKey), undefined)
      assert.equal(decodeUnverified(changed), undefined)
    }
  })

  it('is never one that nobody can read: it names no more than 99 keys, and no number that is too long', () => {
    const former = (count: number, upTo = 1) =>
      Array.from({ length: count }, () => ({ publicKey: signer.publicKey, upTo }))
    assert.equal(openNote(signer.note({ ...checkpoint, former: former(99) }), signer.publicKey)?.former?.length, 99)
    assert.throws(() => signer.note({ ...checkpoint, former: former(100) }), RangeError)
    assert.throws(() => signer.note({ ...checkpoint, former: former(1, 1e16) }), RangeError)
  })

  it('has a key that tools for signed notes take', () => {
    // The example of https://pkg.go.dev/golang.org/x/mod/sumdb/note.
    const known = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
    assert.equal(verifierKey('PeterNeumann', readVerifierKey(known) ?? Buffer.alloc(0)), known)
    const key = verifierKey('idp.example.com/audit', signer.publicKey)
    assert.deepEqual(readVerifierKey(key), signer.publicKey)
    for (const wrong of ['', `${key}A`, key.replace('idp', 'idq'), key.slice(0, -1)])
      assert.equal(readVerifierKey(wrong), undefined)
    assert.equal(fingerprintOf(signer.publicKey), signer.fingerprint)
  })

  it('is signed by a key that the root key alone decides, whatever the audit is called', () => {
    const again = auditSigner({ id: 'root', key: Buffer.alloc(32, 7) }, 'elsewhere.example.com')
    assert.equal(again.fingerprint, signer.fingerprint)
    assert.notEqual(foreigner.fingerprint, signer.fingerprint)
    for (const origin of ['', 'a b', 'a+b', 'a\nb'])
      assert.throws(() => auditSigner({ id: 'root', key: Buffer.alloc(32, 7) }, origin), TypeError)
  })
})
