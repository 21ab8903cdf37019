import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { tokenBinding } from '../../src/binding/check.ts'
import { HandClock } from '../support/clock.ts'
import { compact, encode, makeKey, NOW_MS, refused } from '../support/keys.ts'
import { athOf, bench, issued, jktOf, proofClaims, proofOf, publicJwk, sent } from './sender.ts'

const RFC_HEADER =
  'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJo' +
  'RjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19'
/** RFC 9449 §4.1, made for a token endpoint. */
const RFC_TOKEN_PROOF =
  `${RFC_HEADER}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rv` +
  'a2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZ' +
  'T3Lg'
/** RFC 9449 §7.1, with its access token. */
const RFC_PROOF =
  `${RFC_HEADER}.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9w` +
  'cm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFF' +
  'byJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA'
const RFC_TOKEN = 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU'
const RFC_JKT = '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I'

function rfcRequest(method: string, url: string, proof: string) {
  return { scheme: 'dpop' as const, token: RFC_TOKEN, request: { method, url, header: () => proof } }
}

/** For `assert.throws`: this code, and a message that ends by naming what was wrong. */
function invalid(detail: string) {
  return (error: unknown): boolean => {
    refused('proof_invalid')(error)
    assert.equal((error as Error).message, `the proof of possession is not good for this request: ${detail}`)
    return true
  }
}

describe('the examples of RFC 9449', () => {
  const { token } = issued({ jkt: RFC_JKT })

  it('the request of section 7.1 is good at its time', () => {
    const binding = tokenBinding({ clock: new HandClock(1_562_262_618_000) })
    binding.check(token, rfcRequest('GET', 'https://resource.example.org/protectedresource', RFC_PROOF))
  })

  it('and not a minute and a second later', () => {
    const binding = tokenBinding({ clock: new HandClock(1_562_262_679_000) })
    const request = rfcRequest('GET', 'https://resource.example.org/protectedresource', RFC_PROOF)
    assert.throws(() => binding.check(token, request), invalid('iat'))
  })

  it('the proof of section 4.1, made for a token endpoint, lacks nothing but the hash of a token', () => {
    const binding = tokenBinding({ clock: new HandClock(1_562_262_616_000) })
    const request = rfcRequest('POST', 'https://server.example.com/token', RFC_TOKEN_PROOF)
    assert.throws(() => binding.check(token, request), invalid('ath'))
  })
})

describe('a proof', () => {
  for (const algorithm of ['ES256', 'ES384', 'ES512', 'PS256', 'RS256', 'EdDSA', 'Ed25519']) {
    it(`is good when it is signed by ${algorithm}`, () => {
      const { key, claims, present } = bench({}, algorithm)
      present(proofOf(key, claims()))
    })
  }

  it('is good when another implementation made it, for one request after the other', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const jwk = await exportJWK(publicKey)
    const { text, token } = issued({ jkt: await calculateJwkThumbprint(jwk) })
    const binding = tokenBinding({ clock: new HandClock(NOW_MS) })
    for (let i = 0; i < 3; i++) {
      const proof = await new SignJWT(proofClaims(text))
        .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
        .sign(privateKey)
      binding.check(token, sent(text, { dpop: proof }))
    }
  })

  it('may name its target with a query, another case of the host and the default port', () => {
    const { key, claims, present } = bench()
    present(proofOf(key, claims({ htu: 'HTTPS://API.example.com:443/x/../orders?page=2#top' })))
  })

  it('may carry further members in its key, a kid, and further claims', () => {
    const { key, claims, present } = bench()
    const jwk = { ...publicJwk(key), kid: 'mine', ext: true }
    present(proofOf(key, claims({ nonce: 'of-another-server', note: {} }), { jwk, kid: 'mine' }))
  })

  it('is asked for where none came', () => {
    const { binding, text, token } = bench()
    assert.throws(() => binding.check(token, sent(text)), refused('proof_missing'))
    assert.throws(() => binding.check(token, sent(text, { dpop: '' })), refused('proof_missing'))
  })

  it('is refused when there are two', () => {
    const { key, claims, present } = bench()
    const proof = () => proofOf(key, claims())
    assert.throws(() => present(`${proof()}, ${proof()}`), invalid('more than one'))
  })

  it('is refused when its key is not the one that the token is bound to', () => {
    const { claims, present } = bench()
    const other = makeKey('ES256')
    assert.throws(() => present(proofOf(other, claims())), invalid('made with another key than the token is bound to'))
  })

  it('is refused when its key is the right one and another one signed', () => {
    const { key, claims, present } = bench()
    const proof = proofOf(makeKey('ES256'), claims(), { jwk: publicJwk(key) })
    assert.throws(() => present(proof), invalid('signature_invalid'))
  })

  it('is refused when it carries a private key, whatever else is right', () => {
    const { present, text } = bench()
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = privateKey.export({ format: 'jwk' })
    const proof = compact(makeKey('ES256'), proofClaims(text), { typ: 'dpop+jwt', jwk })
    assert.throws(() => present(proof), invalid('the key is not a public one'))
  })

  it('is refused when it is signed by a shared secret, and when nobody signed it', () => {
    const { claims, present } = bench()
    const secret = makeKey('HS256')
    const proof = compact(secret, claims(), { typ: 'dpop+jwt', jwk: secret.jwk })
    assert.throws(() => present(proof), invalid('algorithm_not_allowed'))
    const unsigned = `${encode({ typ: 'dpop+jwt', alg: 'none' })}.${encode(claims())}.`
    assert.throws(() => present(unsigned), invalid('algorithm_not_allowed'))
  })

  it('is refused when its algorithm is not among those that were chosen', () => {
    const { key, claims, present } = bench({ dpop: { algorithms: ['ES384'] } })
    assert.throws(() => present(proofOf(key, claims())), invalid('algorithm_not_allowed'))
  })

  it('is refused when its key is off the curve, or does not suit its algorithm', () => {
    const off = { kty: 'EC', crv: 'P-256', x: Buffer.alloc(32, 1).toString('base64url'), y: 'AA' }
    const { key, claims, binding } = bench()
    const { text, token } = issued({ jkt: jktOf({ ...key, jwk: { ...off, kid: 'off' } }) })
    const proof = proofOf(key, { ...claims(), ath: athOf(text) }, { jwk: off })
    assert.throws(() => binding.check(token, sent(text, { dpop: proof })), invalid('key_unknown'))
    const other = bench()
    assert.throws(() => other.present(proofOf(other.key, other.claims(), { alg: 'ES384' })), invalid('key_unknown'))
  })

  const headers: readonly [string, Record<string, unknown>, string][] = [
    ['has no typ', { typ: undefined }, 'typ'],
    ['is an access token', { typ: 'at+jwt' }, 'typ'],
    ['has no key', { jwk: undefined }, 'jwk'],
    ['has null for a key', { jwk: null }, 'jwk'],
    ['has text for a key', { jwk: 'key' }, 'jwk'],
    ['has a list for a key', { jwk: [] }, 'jwk'],
    ['has a key of no type', { jwk: {} }, 'jwk'],
    ['asks for an extension', { crit: ['b64'], b64: false }, 'header_unsupported'],
  ]
  for (const [what, header, detail] of headers) {
    it(`is refused when it ${what}`, () => {
      const { key, claims, present } = bench()
      assert.throws(() => present(proofOf(key, claims(), header)), invalid(detail))
    })
  }

  const claimsOf: readonly [string, Record<string, unknown>, string][] = [
    ['was made for another method', { htm: 'POST' }, 'htm'],
    ['writes the method in lower case', { htm: 'get' }, 'htm'],
    ['names no method', { htm: undefined }, 'htm'],
    ['was made for another target', { htu: 'https://api.example.com/orders/' }, 'htu'],
    ['names no target', { htu: undefined }, 'htu'],
    ['names something that is no target', { htu: ['https://api.example.com/orders'] }, 'htu'],
    ['is older than a minute', { iat: NOW_MS / 1000 - 60.5 }, 'iat'],
    ['was made in the future', { iat: NOW_MS / 1000 + 5.5 }, 'iat'],
    ['names no time', { iat: undefined }, 'iat'],
    ['names its time as text', { iat: String(NOW_MS / 1000) }, 'iat'],
    ['ended', { exp: NOW_MS / 1000 }, 'exp'],
    ['names its end as text', { exp: '4000000000' }, 'exp'],
    ['was made for another token', { ath: athOf('another') }, 'ath'],
    ['names no token', { ath: undefined }, 'ath'],
    ['names nothing to be remembered by', { jti: undefined }, 'jti'],
    ['names an empty text to be remembered by', { jti: '' }, 'jti'],
    ['names a number to be remembered by', { jti: 7 }, 'jti'],
  ]
  for (const [what, change, detail] of claimsOf) {
    it(`is refused when it ${what}`, () => {
      const { key, claims, present } = bench()
      assert.throws(() => present(proofOf(key, claims(change))), invalid(detail))
    })
  }

  it('is refused when its time is no number that JSON can hold', () => {
    const { key, text, present } = bench()
    const written = JSON.stringify({ ...proofClaims(text), iat: 0 }).replace('"iat":0', '"iat":1e999')
    assert.throws(() => present(proofOf(key, written)), invalid('iat'))
  })

  it('is refused when it is no object, no JWS, or too long', () => {
    const { key, claims, present } = bench()
    assert.throws(() => present(proofOf(key, [claims()])), invalid('payload'))
    assert.throws(() => present('proof'), invalid('token_malformed'))
    assert.throws(() => present(proofOf(key, claims({ note: 'x'.repeat(8192) }))), invalid('token_too_large'))
  })

  it('may be off by the tolerance in either direction', () => {
    const { key, claims, present } = bench({ dpop: { clockToleranceMs: 10_000 } })
    present(proofOf(key, claims({ iat: NOW_MS / 1000 - 70 })))
    present(proofOf(key, claims({ iat: NOW_MS / 1000 + 15 })))
    assert.throws(() => present(proofOf(key, claims({ iat: NOW_MS / 1000 - 70.5 }))), invalid('iat'))
    assert.throws(() => present(proofOf(key, claims({ iat: NOW_MS / 1000 + 15.5 }))), invalid('iat'))
  })

  it('is refused when the request has no target that can be compared', () => {
    const { key, claims, binding, text, token } = bench()
    const presented = sent(text, { dpop: proofOf(key, claims({ htu: '/orders' })) })
    const request = { ...presented.request, url: '/orders' }
    assert.throws(() => binding.check(token, { ...presented, request }), invalid('htu'))
  })

  it('never passes when one character of it was changed', () => {
    const { key, claims, present } = bench()
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.,= "{}\u0000é'
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(...alphabet), fc.constantFrom(0, 1), (at, character, removed) => {
        const proof = proofOf(key, claims())
        const place = at % proof.length
        const mutated = proof.slice(0, place) + character + proof.slice(place + removed)
        fc.pre(mutated !== proof)
        assert.throws(() => present(mutated), refused('proof_invalid'))
        present(proof)
      }),
      { numRuns: 300 },
    )
  })

  it('never passes when one of its claims has another value', () => {
    const { key, claims, present } = bench()
    const claim = fc.constantFrom('htm', 'htu', 'iat', 'ath')
    fc.assert(
      fc.property(claim, fc.jsonValue(), (name, value) => {
        const good = claims()
        const near = name === 'iat' && typeof value === 'number' && Math.abs(value - NOW_MS / 1000) < 100
        fc.pre(!near && good[name as keyof typeof good] !== value)
        assert.throws(() => present(proofOf(key, { ...good, [name]: value })), refused('proof_invalid'))
      }),
      { numRuns: 200 },
    )
  })

  it('throws nothing but a VerifyError, whatever the header field holds', () => {
    const { present } = bench()
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `${encode(text)}.${encode(text)}.AA`),
        ),
        (field) => {
          assert.throws(() => present(field), { name: 'VerifyError', code: /^proof_(invalid|missing)$/ })
        },
      ),
    )
  })
})
