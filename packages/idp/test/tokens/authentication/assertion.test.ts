import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { State } from '@rekey/keyring'
import type { Client, HeldKey } from '../../../src/credentials/client.ts'
import { judgeAssertion } from '../../../src/tokens/authentication/assertion.ts'
import { type ClientPair, forged, goodClaims, newPair, signed } from './signer.ts'

const now = 1_800_000_000_000
const issuer = 'https://idp.example'
const tokenEndpoint = `${issuer}/api/v1/token`
const rules = { audiences: [issuer, tokenEndpoint], skewMs: 30_000 }
const seconds = now / 1_000

const ec = newPair('ec-1')
const rsa = newPair('rsa-1', 'RS256')
const older = newPair('ec-0')
const strange = newPair('ec-1')

function held(pair: ClientPair, state: State = 'active', until: number | null = null): HeldKey {
  const { kid, algorithm, publicKey } = pair
  return { credentialId: `of ${kid}`, version: kid, state, until, kid, algorithm, key: publicKey }
}

const client = (...keys: HeldKey[]): Client => ({
  clientId: 'agent',
  organizationId: 'default',
  scopes: [],
  secrets: [],
  keys,
})
const claims = (over: object = {}) => ({ ...goodClaims('agent', issuer, now), ...over })
const judge = (assertion: string, of: Client | undefined = client(held(ec))) =>
  judgeAssertion(assertion, of, rules, now)

function causeOf(assertion: string, of?: Client): string {
  const verdict = judge(assertion, of)
  return verdict.is === 'unknown' ? verdict.cause : verdict.is
}

describe('an assertion', () => {
  for (const [what, audience] of [
    ['the issuer', issuer],
    ['the token endpoint', tokenEndpoint],
    ['both', [issuer, tokenEndpoint]],
  ] as const) {
    test(`meant for ${what} is good`, () => {
      const verdict = judge(signed(ec, claims({ aud: audience, jti: 'one' })))
      assert.ok(verdict.is === 'good')
      assert.deepEqual([verdict.held.kid, verdict.jti, verdict.expiresAt], ['ec-1', 'one', now + 60_000 + rules.skewMs])
    })
  }

  test('may be of any type that says no other than what it is', () => {
    for (const typ of ['JWT', 'client-authentication+jwt', 'application/client-authentication+jwt']) {
      assert.equal(causeOf(signed(ec, claims(), { typ })), 'good')
    }
    for (const typ of ['dpop+jwt', 'at+jwt', 'logout+jwt']) {
      assert.equal(causeOf(signed(ec, claims(), { typ })), 'type_mismatch')
    }
  })

  test('that names no key is held against each of them', () => {
    const several = client(held(older, 'retiring', now + 1), held(ec), held(rsa))
    for (const pair of [older, ec, rsa]) {
      assert.equal(causeOf(signed(pair, claims(), { kid: undefined }), several), 'good')
    }
    assert.equal(causeOf(signed(strange, claims(), { kid: undefined }), several), 'algorithm_not_allowed')
  })

  test('may be off by as much as clocks may', () => {
    assert.equal(causeOf(signed(ec, claims({ exp: seconds - 29 }))), 'good')
    assert.equal(causeOf(signed(ec, claims({ exp: seconds + 330 }))), 'good')
    assert.equal(causeOf(signed(ec, claims({ nbf: seconds + 29 }))), 'good')
  })

  const bad: [string, string, string][] = [
    ['for another server', signed(ec, claims({ aud: 'https://other.example' })), 'audience_mismatch'],
    ['for another server too', signed(ec, claims({ aud: [issuer, 'https://other.example'] })), 'audience_mismatch'],
    ['for an address that only begins like ours', signed(ec, claims({ aud: `${issuer}/` })), 'audience_mismatch'],
    ['for nobody', signed(ec, claims({ aud: undefined })), 'claim_missing'],
    ['for an empty list', signed(ec, claims({ aud: [] })), 'audience_mismatch'],
    ['of another issuer than subject', signed(ec, claims({ iss: 'other' })), 'issuer_mismatch'],
    ['of another subject than issuer', signed(ec, claims({ sub: 'other' })), 'subject_mismatch'],
    ['without a subject', signed(ec, claims({ sub: undefined })), 'claim_missing'],
    ['that has expired', signed(ec, claims({ exp: seconds - 31 })), 'token_expired'],
    ['without an end', signed(ec, claims({ exp: undefined })), 'claim_missing'],
    ['with an end that is text', signed(ec, claims({ exp: String(seconds + 60) })), 'claim_invalid'],
    ['that expires too far ahead', signed(ec, claims({ exp: seconds + 331 })), 'token_lifetime_too_long'],
    ['that is not good yet', signed(ec, claims({ nbf: seconds + 31 })), 'token_not_yet_valid'],
    ['without a jti', signed(ec, claims({ jti: undefined })), 'claim_missing'],
    ['with an empty jti', signed(ec, claims({ jti: '' })), 'jti_invalid'],
    ['with a jti that is no text', signed(ec, claims({ jti: 7 })), 'claim_invalid'],
    ['with a jti of a thousand characters', signed(ec, claims({ jti: 'x'.repeat(1_000) })), 'jti_invalid'],
    ['by a key that is not known', signed(newPair('who'), claims()), 'key_unknown'],
    ['by a stranger under the id of a known key', signed(strange, claims()), 'signature_invalid'],
    ['that is not signed', forged(ec, claims(), 'none'), 'algorithm_not_allowed'],
    ['with an HMAC by the public key', forged(ec, claims(), 'HS256'), 'algorithm_not_allowed'],
    ['with another algorithm in its header', signed(ec, claims(), { alg: 'ES384' }), 'algorithm_not_allowed'],
    ['with an extension that must be understood', signed(ec, claims(), { crit: ['exp'] }), 'header_unsupported'],
    ['that was changed', signed(ec, claims()).replace(/\.[^.]{8}/, '.AAAAAAAA'), 'signature_invalid'],
    ['that is no JWT', 'a.b.c', 'token_malformed'],
  ]
  for (const [what, assertion, cause] of bad) {
    test(`${what} is refused as ${cause}`, () => assert.equal(causeOf(assertion), cause))
  }

  test('by an RSA key is not taken with another algorithm than the key has', () => {
    const of = client(held(rsa))
    assert.equal(causeOf(signed(rsa, claims()), of), 'good')
    assert.equal(causeOf(signed(rsa, claims(), { alg: 'PS256' }), of), 'algorithm_not_allowed')
  })

  test('by a key that is retired, revoked or over is known as such', () => {
    for (const [state, until] of [
      ['retired', null],
      ['revoked', null],
      ['retiring', now],
      ['active', now - 1],
    ] as const) {
      const verdict = judge(signed(ec, claims()), client(held(ec, state, until)))
      assert.ok(verdict.is === 'dead', state)
      assert.equal(verdict.held.state, state)
    }
  })

  test('that has a fault besides its dead key is no sign of theft', () => {
    assert.equal(causeOf(signed(ec, claims({ exp: 0 })), client(held(ec, 'revoked'))), 'token_expired')
  })

  test('by a key that two credentials know is good while it is in one of them', () => {
    assert.equal(causeOf(signed(ec, claims()), client(held(ec), held(ec, 'revoked'))), 'good')
    assert.equal(causeOf(signed(ec, claims()), client(held(ec, 'revoked'), held(ec))), 'good')
  })

  test('of a client that is not known, or has no key, is refused', () => {
    assert.equal(causeOf(signed(ec, claims()), client()), 'key_unknown')
    assert.deepEqual(judgeAssertion(signed(ec, claims()), undefined, rules, now), {
      is: 'unknown',
      cause: 'client_unknown',
    })
  })
})
