import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { REDACTED, redactHeaders, redactor } from '../src/index.ts'
import { compactJws } from './secrets.ts'

describe('redactHeaders', () => {
  it('leaves of Authorization only the scheme', () => {
    assert.deepEqual(redactHeaders({ authorization: 'Bearer abc' }), { authorization: 'Bearer <redacted>' })
    assert.deepEqual(redactHeaders({ Authorization: 'basic abc' }), { Authorization: 'basic <redacted>' })
    assert.deepEqual(redactHeaders({ 'Proxy-Authorization': 'DPoP abc' }), { 'Proxy-Authorization': 'DPoP <redacted>' })
    assert.deepEqual(redactHeaders({ authorization: 'abc def' }), { authorization: REDACTED })
  })

  it('hides API keys whole, and of cookies the values', () => {
    const headers = { cookie: 'sid=1', 'Set-Cookie': ['a=1; HttpOnly', 'b=2'], 'X-API-Key': 'k' }
    assert.deepEqual(redactHeaders(headers), {
      cookie: 'sid=<redacted>',
      'Set-Cookie': ['a=<redacted>; HttpOnly', 'b=<redacted>'],
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
    assert.deepEqual(redactHeaders([['Cookie', 'a=1']]), { Cookie: 'a=<redacted>' })
    assert.deepEqual(redactHeaders({ accept: undefined }), {})
  })

  it('shows of cookies the names, and the attributes that are what they should be', () => {
    const cookies: readonly [string, string, string][] = [
      [
        'cookie',
        '__Host-bff_session=a; theme=b;  JSESSIONID=c',
        '__Host-bff_session=<redacted>; theme=<redacted>; JSESSIONID=<redacted>',
      ],
      ['cookie', 'a="x; y=z"; b=c', 'a=<redacted>; b=<redacted>'],
      ['cookie', 'abc', '<redacted>'],
      ['cookie', '.AspNetCore.Correlation.9TtSrW0hzOsAbCdEfGhIjKlM=N', '<redacted>=<redacted>'],
      ['cookie', 'oidc_2fd4e1c67a=1', '<redacted>=<redacted>'],
      [
        'set-cookie',
        'sid=a; Path=/app; Domain=a.example; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Max-Age=60; Secure; HttpOnly; SameSite=Lax',
        'sid=<redacted>; Path=/app; Domain=a.example; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Max-Age=60; Secure; HttpOnly; SameSite=Lax',
      ],
      ['set-cookie', 'a=1; Path=/, b=secret; Note=x', 'a=<redacted>; <redacted>; <redacted>'],
    ]
    for (const [name, value, expected] of cookies) {
      assert.deepEqual(redactHeaders({ [name]: value }), { [name]: expected })
      assert.deepEqual(redactHeaders({ [name]: expected }), { [name]: expected })
    }
  })

  it('takes rawHeaders, records and repeated fields, and loses none', () => {
    assert.deepEqual(redactHeaders(['Host', 'h', 'X-Own', 'v', 'Via', 'a', 'Via', 'b']), {
      Host: 'h',
      'X-Own': REDACTED,
      Via: ['a', 'b'],
    })
    assert.deepEqual(redactHeaders([{ name: 'Host', value: 'h' }]), { Host: 'h' })
    const headers = new Headers([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ])
    assert.deepEqual(redactHeaders(headers), { 'set-cookie': ['a=<redacted>', 'b=<redacted>'] })
    assert.deepEqual(redactHeaders({ ':path': '/cb?code=a', ':method': 'GET' }), {
      ':path': '/cb?code=<redacted>',
      ':method': 'GET',
    })
  })

  it('shows headers that are allowed besides, but no token in them and no credentials', () => {
    const headers = {
      'X-Tenant': 't',
      'x-ratelimit-remaining-tokens': '5',
      'x-note': compactJws({ a: 1 }),
      authorization: 'abc',
    }
    const allow = ['x-tenant', 'X-RateLimit-Remaining-Tokens', 'x-note', 'authorization']
    const shown = { 'X-Tenant': 't', 'x-ratelimit-remaining-tokens': '5', 'x-note': REDACTED, authorization: REDACTED }
    assert.deepEqual(redactHeaders(headers, { allow }), shown)
    assert.deepEqual(redactor({ allowHeaders: allow }).redactHeaders(headers), shown)
    assert.equal(redactHeaders(headers)['X-Tenant'], REDACTED)
  })

  it('never throws, whatever it is given', () => {
    for (const value of [null, undefined, 'x', 5, [], [[]], [null], new Map([[{}, 1]]), { a: { b: 1 } }]) {
      assert.equal(typeof redactHeaders(value as never), 'object')
    }
  })
})
