import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { causeOf } from '../../src/load/http.ts'

describe('the cause of a failed request', () => {
  it('is the status with the code that the server gave', () => {
    assert.equal(causeOf({ status: 401, body: '{"code":"key_unknown","message":"x"}' }), '401 key_unknown')
    assert.equal(causeOf({ status: 503, body: '{"error":"temporarily_unavailable"}' }), '503 temporarily_unavailable')
    assert.equal(causeOf({ status: 502, body: '' }), '502')
  })

  it("is the socket's code where nothing answered", () => {
    assert.equal(causeOf(Object.assign(new Error('x'), { code: 'ECONNRESET' })), 'ECONNRESET')
  })
})
