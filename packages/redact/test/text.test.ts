import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { redactText } from '../src/index.ts'
import { compactJws, shapedSecret } from './secrets.ts'

const jws = compactJws({ sub: 'agent-1', iat: 1 })

const HIDDEN: readonly [string, string, string][] = [
  ['a JWT', `token ${jws} was refused`, 'token <redacted> was refused'],
  ['a JWT at the end of a sentence', `refused ${jws}.`, 'refused <redacted>.'],
  ['a JWT glued to other text', `jwt:x${jws}`, 'jwt:x<redacted>'],
  ['a JWT without its signature', jws.slice(0, jws.lastIndexOf('.')), '<redacted>'],
  ['a client secret', 'sent sk_live_abcdefgh1234', 'sent sk_<redacted>'],
  ['a webhook secret', 'key whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw==', 'key whsec_<redacted>'],
  ['an opaque token', 'got rkt_abcdefghijklmnop', 'got rkt_<redacted>'],
  ['a bearer credential', 'Authorization was Bearer abc', 'Authorization was Bearer <redacted>'],
  ['a percent-encoded bearer credential', 'q=Bearer%20abc', 'q=Bearer%20<redacted>'],
  ['a basic credential', 'basic dTpw', 'basic <redacted>'],
  ['a password in a URL', 'to postgres://u:p@h:5432/d failed', 'to postgres://u:<redacted>@h:5432/d failed'],
  ['a password with an at sign', 'redis://:p@ss@h/0', 'redis://:<redacted>@h/0'],
  ['a password with a slash', 'amqp://u:p/x@h/v', 'amqp://u:<redacted>@h/v'],
  ['a DSN of keywords', 'host=h user=u password=hunter2 dbname=d', 'host=h user=u password=<redacted> dbname=d'],
  ['a quoted DSN password', "password='two words' host=h", "password='<redacted>' host=h"],
  ['JSON in a message', '{"client_secret":"a b","x":1}', '{"client_secret":"<redacted>","x":1}'],
  ['JSON in JSON', '{\\"password\\":\\"hunter2\\",\\"x\\":1}', '{\\"password\\":\\"<redacted>\\",\\"x\\":1}'],
  ['a form', 'grant_type=x&client_secret=abc&scope=s', 'grant_type=x&client_secret=<redacted>&scope=s'],
  ['a query in a message', 'GET /cb?CODE=abc&x=1', 'GET /cb?CODE=<redacted>&x=1'],
  ['an encoded key in a message', 'GET /cb?c%6Fde=abc', 'GET /cb?c%6Fde=<redacted>'],
  ['a cookie line', 'Cookie: a=b; c=d\nAccept: x', 'Cookie: <redacted>\nAccept: x'],
  ['a member of a JWK', '{"kty":"EC","d":"0123456789abcdef0123"}', '{"kty":"EC","d":"<redacted>"}'],
  ['a key that was cut off', 'key -----BEGIN EC PRIVATE KEY-----\nMHcCAQ', 'key <redacted>'],
  ['a key in base64', `k ${Buffer.from('-----BEGIN PRIVATE KEY-----\nMHcC').toString('base64')}`, 'k <redacted>'],
]

const SHOWN = [
  'request 4f9c2f5e-6a0e-4c8e-9d7f-2b1f0c9d8e7a took 12 ms',
  'WWW-Authenticate: Bearer realm="api", error="invalid_token"',
  'a Bearer token is required',
  'use Basic authentication.',
  'http://localhost:8002/.well-known/jwks.json',
  'GET http://localhost:8080/users/a@b.example',
  'key _2f5e6a0e4c8e9d7f is prepared, waiting for api-7, api-9',
  'token_type=bearer scope=agents:read',
  'monkey=banana market_research_2026',
  '-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----',
  'at Object.<anonymous> (/app/src/server.ts:12:3)',
  'eyes.example.com answered',
]

describe('redactText', () => {
  for (const [what, text, expected] of HIDDEN) {
    it(`hides ${what}`, () => assert.equal(redactText(text), expected))
  }

  for (const text of SHOWN) {
    it(`leaves ${JSON.stringify(text)} alone`, () => assert.equal(redactText(text), text))
  }

  it('hides every secret of a text that holds several', () => {
    fc.assert(
      fc.property(fc.array(shapedSecret, { minLength: 2, maxLength: 5 }), (planted) => {
        const seen = redactText(planted.map(({ text }) => text).join(' then '))
        for (const { secret } of planted) assert.ok(!seen.includes(secret), seen)
      }),
    )
  })

  it('takes time linear in the length of a hostile text', () => {
    const bricks = [
      'eyJ',
      'eyJ.',
      '://a:b',
      'bearer ',
      'password="',
      '-----BEGIN ',
      '"k":"',
      '?a',
      'sk_live_',
      'cookie: ',
    ]
    for (const brick of [...bricks, 'a%', ' \\\\\\"', "password='\\", '%20', '=', 'token'].map((b) =>
      b.repeat(20_000),
    )) {
      const started = process.cpuUsage().user
      redactText(brick)
      redactText(`${brick}=@`)
      const usedMs = (process.cpuUsage(undefined).user - started) / 1000
      assert.ok(usedMs < 1500, `${brick.slice(0, 12)} took ${usedMs} ms`)
    }
  })
})
