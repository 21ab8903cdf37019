import assert from 'node:assert/strict'
import { test } from 'node:test'
import { denyEntryOf } from '../../src/incident/deny-entry.ts'

const issuer = 'https://idp.example'
const before = '2026-01-02T03:04:05.000Z'

test('what verifiers deny is whose sessions end, up to the moment that is given; a session has none', () => {
  assert.deepEqual(denyEntryOf({ sub: 'ada', issuedBefore: 'ignored' }, issuer, before), {
    sub: 'ada',
    issuedBefore: before,
  })
  assert.deepEqual(denyEntryOf({ clientId: 'shop' }, issuer, before), { client_id: 'shop', issuedBefore: before })
  assert.deepEqual(denyEntryOf({ sid: 's-1' }, issuer, before), { sid: 's-1' })
  assert.deepEqual(denyEntryOf({ all: true }, issuer, before), { iss: issuer, issuedBefore: before })
})
