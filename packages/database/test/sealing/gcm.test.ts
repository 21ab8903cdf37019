import assert from 'node:assert/strict'
import { hkdfSync, randomBytes } from 'node:crypto'
import { it } from 'node:test'
import { keyOfRecord } from '../../src/sealing/gcm.ts'

it('the key of a record is the one that HKDF derives', () => {
  for (const record of ['', 'agents/email/1', 'é'.repeat(300)]) {
    const key = randomBytes(32)
    const derived = Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), `some purpose ${record}`, 32))
    assert.deepEqual(keyOfRecord(key, 'some purpose', record).export(), derived)
    assert.deepEqual(keyOfRecord(key, 'some purpose', record).export(), derived, 'also the second time')
  }
})
