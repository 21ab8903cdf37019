import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { VerifyError, verifyJws, verifyJwt } from '../../src/index.ts'
import { rolesOf } from '../../src/jwt/roles.ts'
import { scopesOf } from '../../src/jwt/scopes.ts'
import { decodeUnverified } from '../../src/jwt/unverified.ts'
import { AUDIENCE, compact, encode, goodClaims, ISSUER, makeKey, NOW_MS } from '../support/keys.ts'

const ALGORITHMS = ['ES256', 'ES512', 'RS256', 'PS256', 'EdDSA']
const keys = ALGORITHMS.map((name) => makeKey(name))
const jwks = { keys: keys.map((key) => key.jwk) }
const tokens = keys.map((key) => compact(key, goodClaims()))
const numRuns = process.env.SLOW === '1' ? 20_000 : 400

const options = { jwks, issuer: ISSUER, audience: AUDIENCE, algorithms: ALGORITHMS, now: NOW_MS }

/** Refused with a VerifyError by both functions, whatever it is, and read without an error where nothing is verified. */
function assertRefused(token: unknown): void {
  assert.throws(() => verifyJws(token as string, jwks, { algorithms: ALGORITHMS }), VerifyError)
  assert.throws(() => verifyJwt(token as string, options), VerifyError)
  const decoded = decodeUnverified(token as string)
  assert.ok(decoded === undefined || (decoded.header && decoded.payload))
}

function signedBytes(key: (typeof keys)[number], header: unknown, payload: Uint8Array): string {
  const input = `${encode(header)}.${Buffer.from(payload).toString('base64url')}`
  return `${input}.${key.sign(input).toString('base64url')}`
}

describe('hostile input', () => {
  it('of arbitrary values never verifies and throws nothing but VerifyError', () => {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.anything()), assertRefused), { numRuns })
  })

  it('of three parts of arbitrary bytes never verifies and throws nothing but VerifyError', () => {
    const part = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('base64url'))
    fc.assert(
      fc.property(fc.tuple(part, part, part), (parts) => assertRefused(parts.join('.'))),
      { numRuns },
    )
  })

  it('with arbitrary header members never verifies with a signature that is not its own', () => {
    const header = fc.dictionary(
      fc.constantFrom('alg', 'kid', 'typ', 'crit', 'jwk', 'b64', '__proto__', 'x5c'),
      fc.oneof(fc.constantFrom(...ALGORITHMS, ...keys.map((key) => key.jwk.kid)), fc.jsonValue()),
    )
    fc.assert(
      fc.property(header, fc.jsonValue(), fc.constantFrom(...tokens), (members, payload, token) => {
        assertRefused(`${encode(members)}.${encode(payload ?? null)}.${token.split('.')[2]}`)
      }),
      { numRuns },
    )
  })

  it('made by changing one character of a good token never verifies', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...tokens),
        fc.nat(),
        fc.string({ minLength: 1, maxLength: 1 }),
        (token, at, char) => {
          const position = at % token.length
          fc.pre(token[position] !== char)
          assertRefused(token.slice(0, position) + char + token.slice(position + 1))
        },
      ),
      { numRuns },
    )
  })

  it('made by cutting, repeating or joining good tokens never verifies', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...tokens),
        fc.constantFrom(...tokens),
        fc.nat(),
        fc.nat(),
        (one, other, from, to) => {
          const spliced = one.slice(0, from % one.length) + other.slice(to % other.length)
          fc.pre(spliced !== one && spliced !== other)
          assertRefused(spliced)
        },
      ),
      { numRuns },
    )
  })

  it('that is rightly signed is refused with a VerifyError unless its claims are good', () => {
    const names = fc.constantFrom('iss', 'aud', 'exp', 'nbf', 'iat', 'sub', 'jti', 'azp', 'scope')
    const values = fc.oneof(fc.constantFrom(ISSUER, AUDIENCE, NOW_MS / 1000), fc.jsonValue())
    const key = keys[0] as (typeof keys)[number]
    fc.assert(
      fc.property(fc.dictionary(names, values, { minKeys: 1, maxKeys: 3 }), (changes) => {
        const token = compact(key, { ...goodClaims(), ...changes })
        try {
          const { payload } = verifyJwt(token, options)
          assert.ok(payload.iss === ISSUER && [payload.aud].flat().includes(AUDIENCE) && payload.exp * 1000 > NOW_MS)
        } catch (error) {
          assert.ok(error instanceof VerifyError, String(error))
        }
      }),
      { numRuns },
    )
  })

  it('that is rightly signed, with bytes of its claims changed, is what JSON says or a VerifyError', () => {
    const key = keys[0] as (typeof keys)[number]
    const good = Buffer.from(JSON.stringify(goodClaims()))
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        (changes) => {
          const bytes = Buffer.from(good)
          for (const [at, byte] of changes) bytes[at] = byte
          const token = signedBytes(key, { alg: 'ES256', kid: key.jwk.kid }, bytes)
          try {
            assert.deepEqual(verifyJwt(token, options).payload, JSON.parse(bytes.toString()))
          } catch (error) {
            assert.ok(error instanceof VerifyError, String(error))
          }
        },
      ),
      { numRuns },
    )
  })

  it('in claims never makes the helpers throw', () => {
    const claims = fc.dictionary(
      fc.constantFrom('scope', 'scp', 'roles', 'realm_access', 'resource_access', 'a'),
      fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom('roles', 'client', '__proto__'), fc.jsonValue())),
    )
    fc.assert(
      fc.property(claims, fc.option(fc.string(), { nil: undefined }), (held, client) => {
        const found = [
          ...scopesOf(held as never),
          ...rolesOf(held as never, client),
          ...rolesOf(held as never, 'client'),
        ]
        assert.ok(found.every((one) => typeof one === 'string' && one !== ''))
      }),
      { numRuns },
    )
  })
})
