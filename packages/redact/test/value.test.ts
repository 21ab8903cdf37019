import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { describe, it } from 'node:test'
import { REDACTED, redactText, redactValue } from '../src/index.ts'

describe('redactValue', () => {
  it('hides the private members of a JWK and shows its public ones', () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const jwk = pair.privateKey.export({ format: 'jwk' })
    const shown = redactValue({ keys: [{ ...jwk, kid: 'a' }] }) as { keys: Record<string, unknown>[] }
    const { kty, n, e, kid, ...rest } = shown.keys[0] ?? {}
    assert.deepEqual({ kty, n, e, kid }, { kty: 'RSA', n: jwk.n, e: jwk.e, kid: 'a' })
    assert.deepEqual(rest, { d: REDACTED, p: REDACTED, q: REDACTED, dp: REDACTED, dq: REDACTED, qi: REDACTED })
    assert.deepEqual(redactValue({ p: 'short', k: 3 }), { p: 'short', k: 3 })
    assert.deepEqual(redactValue({ d: jwk.d }), { d: REDACTED })
  })

  it('shows neither bytes nor keys, not even of bytes that were made JSON', () => {
    const key = createPrivateKey(
      generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    )
    const bytes = randomBytes(32)
    assert.deepEqual(redactValue({ bytes, json: bytes.toJSON(), array: new Uint8Array(3), key }), {
      bytes: '<32 bytes>',
      json: '<32 bytes>',
      array: '<3 bytes>',
      key: '<private key>',
    })
  })

  it('tells an error with its causes, and survives errors that are their own cause', () => {
    const inner = new TypeError('no route to postgres://u:hunter2@h/db')
    const outer = Object.assign(new Error('could not connect', { cause: inner }), {
      code: 'UNREACHABLE',
      password: 'x',
    })
    const told = redactValue(outer) as Record<string, Record<string, unknown>>
    assert.equal(told.type, 'Error')
    assert.equal(told.code, 'UNREACHABLE')
    assert.equal(told.password, REDACTED)
    assert.equal(told.cause?.message, 'no route to postgres://u:<redacted>@h/db')
    assert.match(String(told.cause?.stack), /value\.test\.[jt]s/)
    assert.ok(!JSON.stringify(told).includes('hunter2'))
    inner.cause = outer
    assert.doesNotThrow(() => JSON.stringify(redactValue(outer)))
  })

  it('marks a cycle and copies what is merely shared', () => {
    const shared = { a: 1 }
    const value: Record<string, unknown> = { left: shared, right: shared }
    value.self = value
    assert.deepEqual(redactValue(value), { left: { a: 1 }, right: { a: 1 }, self: '<cycle>' })
  })

  it('does not change its argument', () => {
    const value = { password: 'x', deep: [{ token: 'y' }] }
    redactValue(value)
    assert.deepEqual(value, { password: 'x', deep: [{ token: 'y' }] })
  })

  it('keeps a count, a flag and an empty secret readable', () => {
    assert.deepEqual(redactValue({ tokens: 5, password: true, secret: null, token: '', pin: 1234 }), {
      tokens: 5,
      password: true,
      secret: null,
      token: '',
      pin: REDACTED,
    })
  })

  it('survives getters, proxies and toJSON that throw', () => {
    const throwing = () => {
      throw new Error('no')
    }
    const value = Object.defineProperty({ fine: 1 }, 'bad', { enumerable: true, get: throwing })
    const proxy = new Proxy({}, { ownKeys: throwing })
    assert.deepEqual(redactValue([value, proxy, { toJSON: throwing }]), [
      { fine: 1, bad: '<unreadable>' },
      '<unreadable>',
      '<unreadable>',
    ])
  })

  it('cannot be used to set a prototype', () => {
    const copy = redactValue(JSON.parse('{"__proto__":{"admin":true}}')) as { admin?: boolean }
    assert.equal(copy.admin, undefined)
  })

  it('is bounded in depth and in size', () => {
    let deep: unknown = 'end'
    for (let i = 0; i < 20_000; i += 1) deep = { deep }
    assert.match(JSON.stringify(redactValue(deep)), /<cut>/)
    const wide = redactValue(Array.from({ length: 30_000 }, () => ({ a: 1 }))) as unknown[]
    assert.equal(wide.at(-1), '<cut>')
    assert.equal(redactValue({ pool: new EventEmitter() } as object) instanceof Object, true)
    assert.deepEqual(redactValue({ pool: new EventEmitter() }), { pool: '<EventEmitter>' })
  })

  it('treats members called url and headers as what they are', () => {
    const value = {
      url: '/cb?%63ode=abc&page=2',
      headers: { authorization: 'Bearer abc', 'x-new': 'v', 'x-request-id': 'r-1' },
      rawHeaders: ['Cookie', 'sid=1', 'Accept', '*/*'],
    }
    assert.deepEqual(redactValue(value), {
      url: '/cb?%63ode=<redacted>&page=2',
      headers: { authorization: 'Bearer <redacted>', 'x-new': REDACTED, 'x-request-id': 'r-1' },
      rawHeaders: { Cookie: 'sid=<redacted>', Accept: '*/*' },
    })
  })

  it('knows short names by their last word', () => {
    const value = { DB_PASS: 'a', smtpPwd: 'b', 'x.otp': 'c', bypass: 'd', compass: 'e', pinned: 'f' }
    const hidden = { DB_PASS: REDACTED, smtpPwd: REDACTED, 'x.otp': REDACTED }
    assert.deepEqual(redactValue(value), { ...value, ...hidden })
  })

  it('takes a string object for its string', () => {
    assert.deepEqual(redactValue([new String('Bearer abc')]), ['Bearer <redacted>'])
  })

  it('looks into JSON whatever the name of its member', () => {
    const inner = { headers: { 'x-own': 'v' } }
    const shown = { headers: { 'x-own': REDACTED } }
    const json = (value: unknown) => JSON.stringify(value)
    assert.deepEqual(redactValue({ url: json(inner), body: json(json(inner)), headers: json(inner.headers) }), {
      url: json(shown),
      body: json(json(shown)),
      headers: json(shown.headers),
    })
  })

  it('knows names beside their values: entries, maps and records', () => {
    const value = {
      list: Object.entries({ password: 'a', x: 1 }),
      map: new Map<unknown, unknown>([
        [1, 'a'],
        ['token', 'b'],
      ]),
    }
    assert.deepEqual(redactValue(value), {
      list: [
        ['password', REDACTED],
        ['x', 1],
      ],
      map: [
        [1, 'a'],
        ['token', REDACTED],
      ],
    })
    assert.deepEqual(redactValue([{ key: 'DB_PASSWORD', value: 'a' }]), [{ key: 'DB_PASSWORD', value: REDACTED }])
  })

  it('hides what this project and others are configured by, and no name of something harmless', () => {
    const secret =
      'TOKEN_HASH_SALT UA_HASH_SALT STATE_TOKEN_KEY BFF_JWT_SIGNING_KEY CSRF_SECRET_KEY DCR_IAT DCR_ACCESS_TOKEN BOOTSTRAP_ADMIN_TOKEN REKEY_JWT_HS256_SECRET INTERNAL_JWKS_REFRESH_TOKEN bff_session __Host-bff_session signingKey signing_key hmacKey sharedKey sessionKey cookieKey aesKey sshKey privkey wrappingKey storageKey password_hash passwordHash basicAuth mfaCode seedPhrase mnemonic'
    const harmless =
      'kid keyId publicKey keyring keyName primaryKey foreignKey cacheKey sortKey saltLength tokenType sessionState secretName auth state code issuer'
    for (const name of secret.split(' ')) {
      assert.deepEqual(redactValue({ [name]: 'hunter2hunter2' }), { [name]: REDACTED }, name)
      assert.equal(redactText(`${name}=hunter2hunter2`).includes('hunter2'), false, name)
    }
    for (const name of harmless.split(' ')) {
      assert.deepEqual(redactValue({ [name]: 'hunter2hunter2' }), { [name]: 'hunter2hunter2' }, name)
    }
  })
})
