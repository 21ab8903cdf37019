import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { auditSigner } from '@rekey/database'
import { originOf } from '../../src/audit/origin.ts'

describe('the origin of an audit', () => {
  const origins = {
    'http://localhost:8002': 'localhost:8002',
    'https://idp.example.com': 'idp.example.com',
    'https://idp.example.com/tenants/one/': 'idp.example.com/tenants/one',
    'http://[::1]:8002': '[::1]:8002',
    'https://idp.example.com/a+b c': 'idp.example.com/a%2Bb%20c',
  }
  for (const [issuer, origin] of Object.entries(origins)) {
    test(`of ${issuer} is ${origin}, which a signed note may have`, () => {
      assert.equal(originOf(issuer), origin)
      const signer = auditSigner({ id: 'root', key: Buffer.alloc(32) }, origin)
      const zeros = '0'.repeat(64)
      const note = signer.note({ size: 0, root: zeros, head: zeros, time: '2026-03-31T12:00:00.000Z' })
      assert.ok(note.startsWith(`${origin}\n0\n`))
    })
  }
})
