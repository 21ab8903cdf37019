import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { redactBody, redactForm, redactJson } from '../src/index.ts'
import { compactJws } from './secrets.ts'

describe('redactJson', () => {
  const cases: readonly [string, string, string][] = [
    ['members by name', '{"password":"a","x":1}', '{"password":"<redacted>","x":1}'],
    ['an escaped name', '{"pass\\u0077ord":"a"}', '{"password":"<redacted>"}'],
    ['every one of duplicate members', '{"password":"a","password":null}', '{"password":null}'],
    [
      'JSON in strings',
      '{"body":"{\\"headers\\":{\\"x-own\\":\\"a\\"}}"}',
      '{"body":"{\\"headers\\":{\\"x-own\\":\\"<redacted>\\"}}"}',
    ],
    ['a short key', '{"kty":"oct","k":"abc"}', '{"kty":"oct","k":"<redacted>"}'],
    ['a list of names and values', '[{"name":"API_KEY","value":"a"}]', '[{"name":"API_KEY","value":"<redacted>"}]'],
    ['what was cut off', '{"x":1,"password":"a b', '{"x":1,"password":"<redacted>"'],
    ['a token that is no JSON', compactJws({ a: 1 }), '<redacted>'],
  ]
  for (const [what, text, expected] of cases) {
    it(`hides ${what}`, () => assert.equal(redactJson(text), expected))
  }

  it('leaves JSON without secrets as it was written', () => {
    for (const text of [
      '{ "id": 12345678901234567890,\n  "a": [1.0, "b"] }',
      '{"a":1,"b":"{\\"c\\":2}"}',
      '',
      'null',
      '"x"',
    ]) {
      assert.equal(redactJson(text), text)
    }
  })

  it('survives deep, broken and large JSON', () => {
    assert.match(redactJson('['.repeat(40_000) + ']'.repeat(40_000)), /<cut>/)
    assert.equal(redactJson('['.repeat(40_000)).length, 40_000)
    assert.equal(redactJson(`"${'a'.repeat(200_000)}"`), '<200002 characters>')
    assert.equal(redactJson('{"__proto__":{"token":"a"}}'), '{"__proto__":{"token":"<redacted>"}}')
  })
})

describe('redactForm', () => {
  it('hides fields by name, the first one too', () => {
    assert.equal(
      redactForm('code=a&grant_type=b&client%5Fsecret=c#d;e'),
      'code=<redacted>&grant_type=b&client%5Fsecret=<redacted>',
    )
    assert.equal(redactForm('note=a;token=b&x=1'), 'note=a;token=<redacted>&x=1')
    assert.equal(redactForm('scope=agents%3Aread&page=2'), 'scope=agents%3Aread&page=2')
  })
})

describe('redactBody', () => {
  const bytes = (text: string) => Buffer.from(text)

  it('looks at a body as what its content type says it is', () => {
    const json = '{"password":"a","code":"b"}'
    assert.equal(redactBody(bytes(json), 'application/json; charset=utf-8'), '{"password":"<redacted>","code":"b"}')
    assert.equal(redactBody(json, 'application/problem+json'), '{"password":"<redacted>","code":"b"}')
    assert.equal(
      redactBody(`${json}\n{"a":1}\n`, 'application/x-ndjson'),
      '{"password":"<redacted>","code":"b"}\n{"a":1}\n',
    )
    assert.equal(redactBody('code=a&x=1', 'Application/X-WWW-Form-Urlencoded'), 'code=<redacted>&x=1')
    assert.equal(redactBody('password=a', 'text/plain'), 'password=<redacted>')
    assert.equal(redactBody(compactJws({}), 'application/jwt'), '<redacted>')
    assert.equal(redactBody('<a password="b"/>', 'application/soap+xml'), '<a password="<redacted>"/>')
  })

  it('tells the size alone of what it cannot read', () => {
    assert.equal(redactBody(bytes('abc'), 'application/octet-stream'), '<3 bytes>')
    assert.equal(redactBody('abc', 'image/png'), '<3 characters>')
    assert.equal(redactBody(bytes('abc')), '<3 bytes>')
    assert.equal(redactBody(bytes('a=1'), 'text/plain; charset=utf-16'), '<3 bytes>')
    assert.equal(redactBody('a'.repeat(100_001), 'text/plain'), '<100001 characters>')
    assert.equal(redactBody(bytes('abc'), 'multipart/form-data; boundary=x'), '<3 bytes>')
    assert.equal(redactBody(bytes('abc'), 'multipart/form-data'), '<3 bytes>')
  })

  it('takes what was parsed already, and nothing at all', () => {
    assert.deepEqual(redactBody({ password: 'a', code: 'b' }, 'application/json'), {
      password: '<redacted>',
      code: 'b',
    })
    assert.deepEqual(redactBody({ code: 'b', x: '1' }, 'application/x-www-form-urlencoded'), {
      code: '<redacted>',
      x: '1',
    })
    assert.equal(redactBody(undefined), undefined)
    assert.equal(redactBody(null, null), null)
    assert.equal(redactBody('{"token":"a"}', undefined), '{"token":"<redacted>"}')
  })

  it('shows of multipart forms the fields by name and of files the size', async () => {
    const form = new FormData()
    form.append('title', 'grüezi')
    form.append('client_secret', 'a\r\nb')
    form.append('meta', '{"token":"a","x":1}')
    form.append('key', new Blob(['-----BEGIN EC PRIVATE KEY-----\n\u00e9']), 'key.pem')
    const request = new Request('http://localhost', { method: 'POST', body: form })
    const type = String(request.headers.get('content-type'))
    const shown = String(redactBody(new Uint8Array(await request.arrayBuffer()), type))
    const boundary = /boundary=(.*)$/.exec(type)?.[1]
    assert.deepEqual(
      shown.split(`--${boundary}`).map((part) => part.split('\r\n\r\n').at(-1)?.trim()),
      ['', 'grüezi', '<redacted>', '{"token":"<redacted>","x":1}', '<33 bytes>', '--'],
    )
    assert.match(shown, /name="key"; filename="key\.pem"/)
    assert.equal(redactBody(shown, type), shown.replace('<33 bytes>', '<10 bytes>'))
  })
})
