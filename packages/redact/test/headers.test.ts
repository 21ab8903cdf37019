import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { REDACTED, redactHeaders } from '../src/index.ts'
import { compactJws } from './secrets.ts'

describe('redactHeaders', () => {
  it('leaves of Authorization only the scheme', () => {
    assert.deepEqual(redactHeaders({ authorization: 'Bearer abc' }), { authorization: 'Bearer <redacted>' })
    assert.deepEqual(redactHeaders({ Authorization: 'basic abc' }), { Authorization: 'basic <redacted>' })
    assert.deepEqual(redactHeaders({ 'Proxy-Authorization': 'DPoP abc' }), { 'Proxy-Authorization': 'DPoP <redacted>' })
    assert.deepEqual(redactHeaders({ authorization: 'abc def' }), { authorization: REDACTED })
  })

  it('hides cookies and API keys whole', () => {
    const headers = { cookie: 'sid=1', 'Set-Cookie': ['a=1; HttpOnly', 'b=2'], 'X-API-Key': 'k' }
    assert.deepEqual(redactHeaders(headers), {
      cookie: REDACTED,
      'Set-Cookie': [REDACTED, REDACTED],
      'X-API-Key': REDACTED,
    })
  })

  it('shows no value of a name that it does not know', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^x-[a-z]{3,12}-unheard-of$/), fc.uuid(), (name, value) => {
        assert.deepEqual(redactHeaders({ [name]: value }), { [name]: REDACTED })
      }),
    )
  })

  it('keeps correlation ids and what an operator needs', () => {
    const headers = {
      'x-correlation-id': 'c-1',
      'x-request-id': 'r-1',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'content-type': 'application/json',
      'content-length': 12,
      'user-agent': 'curl/8.5.0',
    }
    assert.deepEqual(redactHeaders(headers), { ...headers, 'content-length': '12' })
  })

  it('hides a token even under a name that is shown', () => {
    assert.deepEqual(redactHeaders({ 'x-request-id': compactJws({ a: 1 }) }), { 'x-request-id': REDACTED })
    assert.deepEqual(redactHeaders({ referer: 'https://a/cb?code=1' }), { referer: 'https://a/cb?code=<redacted>' })
  })

  it('takes the headers of fetch, pairs and absent values alike', () => {
    assert.deepEqual(redactHeaders(new Headers({ authorization: 'Bearer a' })), { authorization: 'Bearer <redacted>' })
    assert.deepEqual(redactHeaders([['Cookie', 'a=1']]), { Cookie: REDACTED })
    assert.deepEqual(redactHeaders({ accept: undefined }), {})
  })
})
