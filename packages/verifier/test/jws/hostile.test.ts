import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { VerifyError, verifyJws, verifyJwt } from '../../src/index.ts'
import { AUDIENCE, compact, encode, goodClaims, ISSUER, makeKey, NOW_MS } from '../support/keys.ts'

const ALGORITHMS = ['ES256', 'ES512', 'RS256', 'PS256', 'EdDSA']
const keys = ALGORITHMS.map((name) => makeKey(name))
const jwks = { keys: keys.map((key) => key.jwk) }
const tokens = keys.map((key) => compact(key, goodClaims()))
const numRuns = process.env.SLOW === '1' ? 20_000 : 400

/** Refused with a VerifyError by both functions, whatever it is. */
function assertRefused(token: unknown): void {
  assert.throws(() => verifyJws(token as string, jwks, { algorithms: ALGORITHMS }), VerifyError)
  const options = { jwks, issuer: ISSUER, audience: AUDIENCE, algorithms: ALGORITHMS, now: NOW_MS }
  assert.throws(() => verifyJwt(token as string, options), VerifyError)
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
})
