import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Jwk, verifyJws } from '../../src/index.ts'
import { compact, makeKey, refused } from '../support/keys.ts'

const one = makeKey('ES256', 'one')
const two = makeKey('ES256', 'two')
const rsa = makeKey('RS256', 'rsa')
const options = { algorithms: ['ES256', 'RS256'] }
const open = (token: string, keys: unknown[]) => verifyJws(token, { keys: keys as Jwk[] }, options)

describe('choosing the key', () => {
  it('follows the kid, also among many', () => {
    assert.ok(open(compact(two, 'x'), [one.jwk, rsa.jwk, two.jwk]))
    assert.throws(() => open(compact(two, 'x'), [one.jwk, rsa.jwk]), refused('key_unknown'))
    assert.throws(() => open(compact(two, 'x', { kid: 'one' }), [one.jwk, two.jwk]), refused('signature_invalid'))
  })

  it('never falls back to a key without an id when the token names one', () => {
    const { kid: _, ...anonymous } = one.jwk
    assert.throws(() => open(compact(one, 'x'), [anonymous]), refused('key_unknown'))
  })

  it('without a kid takes the only key that fits, and refuses to guess among several', () => {
    const token = compact(one, 'x', { kid: undefined })
    assert.ok(open(token, [one.jwk, rsa.jwk]))
    assert.throws(() => open(token, [one.jwk, two.jwk]), refused('key_ambiguous'))
    assert.throws(() => open(token, [rsa.jwk]), refused('key_unknown'))
  })

  it('refuses an id that two different keys share, but not the same key listed twice', () => {
    const reused = { ...two.jwk, kid: 'one' }
    assert.throws(() => open(compact(one, 'x'), [one.jwk, reused]), refused('key_ambiguous'))
    assert.ok(open(compact(one, 'x'), [one.jwk, { ...one.jwk }]))
    assert.ok(open(compact(one, 'x'), [{ ...rsa.jwk, kid: 'one' }, one.jwk]))
  })

  it('honours use and key_ops', () => {
    const token = compact(one, 'x')
    for (const limits of [{ use: 'enc' }, { use: 1 }, { key_ops: ['sign'] }, { key_ops: [] }, { key_ops: 'verify' }]) {
      assert.throws(() => open(token, [{ ...one.jwk, ...limits }]), refused('key_unusable'))
    }
    assert.ok(open(token, [{ ...one.jwk, key_ops: ['verify'] }]))
    assert.ok(open(token, [{ ...one.jwk, use: undefined }]))
  })

  it('is not spoilt by members of the set that are bad, unknown or no keys at all', () => {
    const offCurve = { ...one.jwk, x: two.jwk.x }
    const strangers = [null, 7, 'key', [], {}, { kty: 'AKP', kid: 'one' }, { kty: 'EC', crv: 'secp256k1', kid: 'one' }]
    assert.ok(open(compact(one, 'x'), [...strangers, offCurve, { ...one.jwk, y: undefined }, one.jwk]))
  })

  it('refuses keys whose numbers are not written as RFC 7518 wants them', () => {
    const bad = [
      { ...one.jwk, x: `${one.jwk.x}=` },
      {
        ...one.jwk,
        x: Buffer.from(one.jwk.x as string, 'base64url')
          .subarray(1)
          .toString('base64url'),
      },
      { ...one.jwk, crv: 'P-384' },
    ]
    for (const jwk of bad) assert.throws(() => open(compact(one, 'x'), [jwk]), refused('key_unusable'))
    for (const e of ['AQ', 'Ag', '', 'AQAB=']) {
      assert.throws(() => open(compact(rsa, 'x'), [{ ...rsa.jwk, e }]), refused('key_unusable'))
    }
  })
})

describe('an Ed25519 key of small order', () => {
  const coordinates = [
    '0100000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000080',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  ]
  for (const point of coordinates) {
    it(`is of no use: ${point.slice(0, 4)}…${point.slice(-2)}`, () => {
      const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(point, 'hex').toString('base64url'), kid: 'small' }
      const ed = makeKey('EdDSA', 'small')
      const verify = () => verifyJws(compact(ed, 'x'), { keys: [jwk] }, { algorithms: ['EdDSA'] })
      assert.throws(verify, refused('key_unusable'))
    })
  }
})

describe('the cache of imported keys', () => {
  it('notices a JWK that was changed in place', () => {
    const jwk: Record<string, unknown> = { ...one.jwk }
    const token = compact(one, 'x')
    assert.ok(open(token, [jwk]))
    Object.assign(jwk, { x: two.jwk.x, y: two.jwk.y })
    assert.throws(() => open(token, [jwk]), refused('signature_invalid'))
    assert.ok(open(compact(two, 'x', { kid: 'one' }), [jwk]))
    Object.assign(jwk, { use: 'enc' })
    assert.throws(() => open(compact(two, 'x', { kid: 'one' }), [jwk]), refused('key_unusable'))
  })

  it('notices a key that became good after it was bad', () => {
    const jwk: Record<string, unknown> = { ...one.jwk, x: 'AA' }
    assert.throws(() => open(compact(one, 'x'), [jwk]), refused('key_unusable'))
    jwk.x = one.jwk.x
    assert.ok(open(compact(one, 'x'), [jwk]))
  })
})
