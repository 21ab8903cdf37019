import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { redactQuery } from '../src/index.ts'
import { compactJws } from './secrets.ts'

const CASES: readonly [string, string, string][] = [
  ['a code and a state', '/cb?code=abc&state=x&page=2', '/cb?code=<redacted>&state=<redacted>&page=2'],
  ['whom a client expects', '/auth?login_hint=ada%40example.com&ui=dark', '/auth?login_hint=<redacted>&ui=dark'],
  ['a key in capitals', '/t?Access_Token=abc', '/t?Access_Token=<redacted>'],
  ['a percent-encoded key', '/t?%61ccess%5Ftoken=abc', '/t?%61ccess%5Ftoken=<redacted>'],
  ['a key that was encoded twice', '/t?%2561ccess_token=abc', '/t?%2561ccess_token=<redacted>'],
  ['a key in brackets', '/t?user[password]=abc', '/t?user[password]=<redacted>'],
  ['a fragment', '/cb#id_token=abc&x=1', '/cb#id_token=<redacted>&x=1'],
  ['every one of repeated keys', '/t?token=a&token=b', '/t?token=<redacted>&token=<redacted>'],
  ['semicolons as separators', '/t?a=1;token=b', '/t?a=1;token=<redacted>'],
  ['the password of a URL', 'postgres://u:p@h/db?sslmode=require', 'postgres://u:<redacted>@h/db?sslmode=require'],
  ['a token under a harmless name', `/t?q=${compactJws({ a: 1 })}`, '/t?q=<redacted>'],
  ['a URL inside a parameter', '/go?to=%2Fcb%3Fcode%3Dabc&x=1', '/go?to=<redacted>&x=1'],
  ['a value with an equals sign', '/t?secret=a=b', '/t?secret=<redacted>'],
]

describe('redactQuery', () => {
  for (const [what, url, expected] of CASES) {
    it(`hides ${what}`, () => assert.equal(redactQuery(url), expected))
  }

  it('leaves harmless URLs alone', () => {
    for (const url of ['/v1/agents?limit=20&cursor=abc', 'https://h:8443/a/b#top', '', '/a?b', '/a?b=%zz', '?', '/%']) {
      assert.equal(redactQuery(url), url)
    }
  })

  it('hides a secret parameter however its key is encoded and wherever it stands', () => {
    const encoded = fc
      .constantFrom('code', 'client_secret', 'refresh_token', 'password')
      .chain((key) =>
        fc
          .array(fc.constantFrom('plain', 'escaped', 'upper'), { minLength: key.length, maxLength: key.length })
          .map((how) =>
            [...key]
              .map((c, i) =>
                how[i] === 'escaped' ? `%${c.charCodeAt(0).toString(16)}` : how[i] === 'upper' ? c.toUpperCase() : c,
              )
              .join(''),
          ),
      )
    fc.assert(
      fc.property(encoded, fc.uuid(), fc.webQueryParameters(), (key, secret, others) => {
        const seen = redactQuery(`https://idp.example/cb?${others}&${key}=${secret}&${others}`)
        assert.ok(!seen.includes(secret), seen)
      }),
      { numRuns: 50 },
    )
  })

  it('never throws, whatever the text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => typeof redactQuery(text) === 'string'))
  })
})
