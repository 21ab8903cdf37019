import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { redactForm, redactJson, redactLine, redactQuery, redactText } from '../src/index.ts'
import { compactJws, leaks, shapedSecret } from './secrets.ts'

const jws = compactJws({ sub: 'agent-1', iat: 1 })

const HIDDEN: readonly [string, string, string][] = [
  ['a JWT', `token ${jws} was refused`, 'token <redacted> was refused'],
  ['a JWT at the end of a sentence', `refused ${jws}.`, 'refused <redacted>.'],
  ['a JWT glued to other text', `jwt:x${jws}`, 'jwt:x<redacted>'],
  ['a JWT without its signature', jws.slice(0, jws.lastIndexOf('.')), '<redacted>'],
  ['a client secret', 'sent sk_live_abcdefgh1234', 'sent sk_live_<redacted>'],
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
  ['a value with a quote in it', '{"password":"a\\"b","x":1}', '{"password":"<redacted>","x":1}'],
  ['a value that ends with a backslash', '{"token":"a\\\\","x":"b"}', '{"token":"<redacted>","x":"b"}'],
  ['JSON in JSON in JSON', '\\\\\\"secret\\\\\\":\\\\\\"a\\\\\\"}', '\\\\\\"secret\\\\\\":\\\\\\"<redacted>\\\\\\"}'],
  ['a list of secrets', '{"secrets":["a","]b"],"x":1}', '{"secrets":"<redacted>","x":1}'],
  ['an object of secrets', '{"secret":{"a":{"b":"}c"}},"x":1}', '{"secret":"<redacted>","x":1}'],
  ['a list of secrets that was cut off', '{"x":1,"tokens":["a","b', '{"x":1,"tokens":"<redacted>"'],
  ['what util.inspect shows', "{ token: 'a', headers: [ 'b' ] }", "{ token: '<redacted>', headers: [ 'b' ] }"],
  ['a password with a comma', 'password=a,b host=h', 'password=<redacted> host=h'],
  ['a password between semicolons', 'Password=a;b;Initial Catalog=c', 'Password=<redacted>;Initial Catalog=c'],
  ['a parameter up to the ampersand', '/t?token=a;b?c&x=1', '/t?token=<redacted>&x=1'],
  ['a number', '{"pin":1234,"x":1}', '{"pin":<redacted>,"x":1}'],
  [
    'a variable of an environment',
    'PGPASSWORD=abc DB__SECRET_KEY=def',
    'PGPASSWORD=<redacted> DB__SECRET_KEY=<redacted>',
  ],
  ['a header on a line of its own', 'GET /\nX-Vault-Token: abc\nHost: h', 'GET /\nX-Vault-Token: <redacted>\nHost: h'],
  ['a line of YAML', 'db:\n  password: abc\n  port: 1', 'db:\n  password: <redacted>\n  port: 1'],
  ['an encoded sign', 'client_secret%3Dabc', 'client_secret%3D<redacted>'],
  ['a nested address', 'to /go?u=%2Fcb%3Fcode%3Dabc now', 'to /go?u=<redacted> now'],
  ['a bearer credential of unusual characters', 'Bearer abc:def|ghi, then', 'Bearer <redacted>, then'],
  ['a DPoP credential', 'DPoP abc', 'DPoP <redacted>'],
  ['a JWT after a word that begins like one', `keyJson.${jws}`, 'keyJson.<redacted>'],
  ['an SD-JWT with its disclosures', `${jws}~WyJhIiwiYiIsImMiXQ~`, '<redacted>'],
  ['an otpauth address', 'otpauth://totp/a?secret=JBSWY3DP&issuer=a', 'otpauth://totp/a?secret=<redacted>&issuer=a'],
  ['a PGP key', '-----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n-----END PGP PRIVATE KEY BLOCK-----.', '<redacted>.'],
  [
    'a key of a storage account',
    'AccountName=a;AccountKey=Zm9v+/==;EndpointSuffix=s',
    'AccountName=a;AccountKey=<redacted>;EndpointSuffix=s',
  ],
  [
    'a signature of Azure',
    `SharedAccessSignature sr=a&sig=${'a%2B'.repeat(11)}&se=1`,
    'SharedAccessSignature sr=a&sig=<redacted>&se=1',
  ],
  ['a member of a JWK in util.inspect', `{ d: '${'0123456789abcdef'.repeat(2)}' }`, "{ d: '<redacted>' }"],
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
  'keyJsonSerializer.default and monkeyJumping.example',
  'invalid token: expired, tokens: 5, password: true',
  '{"tokens":5,"secret":null,"token":""}',
  'max_tokens=100 tokens=5 token=null',
  'http://[::1]:8080/users/a@b.example',
  'sha256:2fd4e1c67a2d28fced849ee1bb76e7391b93eb12aaaaaaaaaaaaaaaaaaaaaaaa',
  'content-type: text/html; charset=utf-8',
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
        for (const plant of planted) assert.ok(!leaks(seen, plant), seen)
      }),
    )
  })

  it('hides passwords in statements of SQL and in elements of XML', () => {
    for (const text of [
      "ALTER USER x WITH PASSWORD 'hunter2''hunter2'",
      'CREATE ROLE x PASSWORD "hunter2"',
      "CREATE USER x IDENTIFIED BY 'hunter2'",
      "SET PASSWORD FOR bob = 'hunter2'",
      "SET PASSWORD = PASSWORD('hunter2')",
      "ALTER LOGIN x WITH PASSWORD = N'hunter2'",
      "CREATE USER x IDENTIFIED WITH mysql_native_password BY 'hunter2'",
      "ALTER USER x PASSWORD 'hunter2 and cut off",
      '<password>hunter2</password>',
      '<signingKey><![CDATA[hunter2]]></signingKey>',
      '<ns:clientSecret type="x">hunter2</ns:clientSecret>',
    ]) {
      const shown = redactText(text)
      assert.equal(shown.includes('hunter2'), false, shown)
      assert.equal(redactText(shown), shown)
    }
    assert.equal(redactText('usage: rekey login <token> and more'), 'usage: rekey login <token> and more')
  })

  it('makes a text of whatever it is given, and never throws', () => {
    const functions: ((text: never) => unknown)[] = [redactText, redactQuery, redactForm, redactJson, redactLine]
    const unreadable = { toString: () => assert.fail() }
    for (const given of [undefined, null, 5, {}, 10n, Symbol('x'), unreadable, Object.create(null)]) {
      for (const redact of functions) assert.equal(typeof redact(given as never), 'string')
    }
  })
})
