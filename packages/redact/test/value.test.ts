import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { REDACTED, redactValue } from '../src/index.ts'
import { plainSecret, secretName, shapedSecret } from './secrets.ts'

const numRuns = process.env.SLOW ? 5000 : 400

describe('redactValue', () => {
  it('lets no planted secret through, wherever it stands in whatever structure', () => {
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.date(), fc.uuid())
    const nest = (inner: fc.Arbitrary<unknown>, name: fc.Arbitrary<string>) =>
      fc.oneof(
        fc.tuple(leaf, inner, leaf),
        fc.tuple(name, inner, leaf).map(([key, value, other]) => ({ before: other, [key]: value })),
        fc.tuple(name, inner).map(([key, value]) => new Map([[key, value]])),
        inner.map((value) => new Set([value])),
        inner.map((value) => new Error('failed', { cause: value })),
        inner.map((value) => new AggregateError([value], 'all failed')),
        inner.map((value) => Object.assign(new Error('failed'), { context: value })),
      )
    const shaped = shapedSecret.chain(({ text, secret }) =>
      fc
        .tuple(fc.lorem(), fc.lorem())
        .map(([before, after]) => ({ node: `${before} ${text} ${after}` as unknown, secret })),
    )
    const asMessage = shaped.map(({ node, secret }) => ({ node: new Error(String(node)) as unknown, secret }))
    const asName = shaped.map(({ node, secret }) => ({ node: { [String(node)]: 1 } as unknown, secret }))
    const named = fc
      .tuple(secretName, plainSecret, fc.boolean())
      .map(([name, secret, deep]) => ({ node: { [name]: deep ? { a: [secret] } : secret } as unknown, secret }))
    const planted = fc.oneof(shaped, asMessage, asName, named).chain(({ node, secret }) => {
      const name = fc.string({ minLength: 1 })
      const once = nest(fc.constant(node), name)
      const twice = nest(once, name)
      return fc.oneof(fc.constant(node), once, twice, nest(twice, name)).map((value) => ({ value, secret }))
    })
    fc.assert(
      fc.property(planted, ({ value, secret }) => {
        const seen = JSON.stringify(redactValue(value))
        assert.ok(!seen.includes(JSON.stringify(secret).slice(1, -1)), seen)
      }),
      { numRuns },
    )
  })

  it('changes nothing that holds no secret', () => {
    const harmless = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.uuid(),
        fc.integer(),
        fc.boolean(),
        fc.lorem(),
        tie('object'),
        tie('list'),
      ),
      object: fc.dictionary(fc.constantFrom('kid', 'state', 'code', 'reqId', 'sub', 'count', 'd1'), tie('value')),
      list: fc.array(tie('value'), { maxLength: 4 }),
    })).value
    fc.assert(
      fc.property(harmless, (value) => {
        assert.equal(JSON.stringify(redactValue(value)), JSON.stringify(value))
      }),
      { numRuns },
    )
  })

  it('redacting twice is redacting once', () => {
    fc.assert(
      fc.property(fc.array(shapedSecret), (planted) => {
        const once = redactValue({ list: planted.map(({ text }) => `x ${text} y`) })
        assert.deepEqual(redactValue(once), once)
      }),
      { numRuns },
    )
  })

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
    assert.match(String(told.cause?.stack), /value\.test\.ts/)
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
      rawHeaders: { Cookie: REDACTED, Accept: '*/*' },
    })
  })
})
