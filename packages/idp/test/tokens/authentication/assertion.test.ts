import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import type { State } from '@rekey/keyring'
import { VerifyError, type VerifyJwtOptions, verifyJwt } from '@rekey/verifier'
import type { Client, HeldKey } from '../../../src/credentials/client.ts'
import { judgeAssertion } from '../../../src/tokens/authentication/assertion.ts'
import { type ClientPair, forged, goodClaims, jwkOf, newPair, signed } from './signer.ts'

const now = 1_800_000_000_000
const issuer = 'https://idp.example'
const tokenEndpoint = `${issuer}/api/v1/token`
const rules = { audiences: [issuer, tokenEndpoint], skewMs: 30_000, databaseNow: now }
const seconds = now / 1_000

const ec = newPair('ec-1')
const rsa = newPair('rsa-1', 'RS256')
const older = newPair('ec-0')
const strange = newPair('ec-1')

function held(pair: ClientPair, state: State = 'active', until: number | null = null): HeldKey {
  const { kid, algorithm } = pair
  return { credentialId: `of ${kid}`, version: kid, state, until, kid, algorithm, jwk: { ...jwkOf(pair), use: 'sig' } }
}

const client = (...keys: HeldKey[]): Client => ({
  clientId: 'agent',
  organizationId: 'default',
  scopes: [],
  secrets: [],
  keys,
})
const claims = (over: object = {}) => ({ ...goodClaims('agent', issuer, now), ...over })
const changed = (assertion: string) =>
  assertion.replace(/\..+\./, `.${Buffer.from(JSON.stringify(claims())).toString('base64url')}.`)
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
      assert.deepEqual(
        [verdict.held.version, verdict.jti, verdict.expiresAt],
        ['ec-1', 'one', now + 60_000 + rules.skewMs],
      )
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
    assert.equal(causeOf(signed(strange, claims(), { kid: undefined }), several), 'signature_invalid')
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
    ['that is not signed', forged(ec, claims(), 'none'), 'key_unfit'],
    ['with an HMAC by the public key', forged(ec, claims(), 'HS256'), 'key_unfit'],
    ['with another algorithm in its header', signed(ec, claims(), { alg: 'ES384' }), 'key_unfit'],
    ['with an extension that must be understood', signed(ec, claims(), { crit: ['exp'] }), 'header_unsupported'],
    ['that was changed', changed(signed(ec, claims())), 'signature_invalid'],
    ['that is no JWT', 'a.b.c', 'token_malformed'],
  ]
  for (const [what, assertion, cause] of bad) {
    test(`${what} is refused as ${cause}`, () => assert.equal(causeOf(assertion), cause))
  }

  test('by an RSA key is not taken with another algorithm than the key has', () => {
    const of = client(held(rsa))
    assert.equal(causeOf(signed(rsa, claims()), of), 'good')
    assert.equal(causeOf(signed(rsa, claims(), { alg: 'PS256' }), of), 'key_unfit')
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

  test('is good or dead by the end of its key as the clock of the database tells, whatever our own says', () => {
    const ending = client(held(ec, 'retiring', now + 1_000))
    for (const [databaseNow, is] of [
      [now - 3_600_000, 'good'],
      [now + 999, 'good'],
      [now + 1_000, 'dead'],
      [now + 3_600_000, 'dead'],
    ] as const) {
      assert.equal(judgeAssertion(signed(ec, claims()), ending, { ...rules, databaseNow }, now).is, is)
    }
  })

  test('of a client that is not known, or has no key, is refused', () => {
    assert.equal(causeOf(signed(ec, claims()), client()), 'key_unknown')
    assert.deepEqual(judgeAssertion(signed(ec, claims()), undefined, rules, now), {
      is: 'unknown',
      cause: 'client_unknown',
    })
  })

  /** How often a signature is looked at before the assertion is refused. */
  function verificationsOf(assertion: string, of: Client | undefined): number {
    let verifications = 0
    const counting = (token: string, options: VerifyJwtOptions) => {
      try {
        return verifyJwt(token, options)
      } catch (error) {
        if (error instanceof VerifyError && error.code === 'signature_invalid') verifications++
        throw error
      }
    }
    assert.equal(judgeAssertion(assertion, of, rules, now, counting).is, 'unknown')
    return verifications
  }

  test('costs one verification to refuse, whoever it is said to be of', () => {
    const algorithms = [
      [newPair('made', 'RS256'), ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']],
      [newPair('made'), ['ES256']],
    ] as const
    for (const [pair, names] of algorithms) {
      for (const alg of names) {
        const assertion = signed(pair, claims(), { alg })
        for (const keys of [undefined, [], [held(ec)], [held(rsa)], [{ ...held(newPair('made')), kid: 'made' }]]) {
          const whose = `${alg} ${keys?.map(({ kid }) => kid)}`
          assert.equal(verificationsOf(assertion, keys && client(...keys)), 1, whose)
        }
      }
    }
    assert.equal(verificationsOf(signed(strange, claims()), client(held(ec))), 1, 'by the key that it names')
  })

  test('of a length that none of the keys signs with costs as much', () => {
    const large: ClientPair = { ...newPair('rsa-1', 'RS256'), ...generateKeyPairSync('rsa', { modulusLength: 3_072 }) }
    for (const keys of [[], [held(rsa)], [held(rsa), held({ ...rsa, kid: 'rsa-2' })]]) {
      assert.equal(verificationsOf(signed(large, claims()), client(...keys)), 1)
      assert.equal(verificationsOf(signed(large, claims(), { kid: undefined }), client(...keys)), 1)
    }
    assert.equal(verificationsOf(signed(large, claims()), undefined), 1)
  })

  test('that names no key is held against three of them at most, those first that are good', () => {
    const dead = Array.from({ length: 30 }, () => held(older, 'retired'))
    const unnamed = signed(strange, claims(), { kid: undefined })
    assert.equal(verificationsOf(unnamed, client(...dead)), 3)
    assert.equal(causeOf(signed(ec, claims(), { kid: undefined }), client(...dead, held(ec))), 'good')
  })

  test('has to name its key where more than three are accepted, and costs one verification to refuse if not', () => {
    const many = ['many-1', 'many-2', 'many-3'].map((kid) => held(newPair(kid)))
    const mine = signed(ec, claims(), { kid: undefined })
    assert.equal(causeOf(mine, client(...many.slice(1), held(ec))), 'good')
    assert.equal(causeOf(mine, client(...many, held(ec))), 'key_unnamed')
    assert.equal(verificationsOf(mine, client(...many, held(ec))), 1)
    assert.equal(causeOf(signed(ec, claims()), client(...many, held(ec))), 'good')
    assert.equal(
      causeOf(mine, client(held(rsa), ...many.slice(1), held(ec))),
      'good',
      'keys of other algorithms are no choice',
    )
  })

  test('with an algorithm that no key can have costs nothing, whoever it is of', () => {
    for (const alg of ['none', 'HS256', 'constructor']) {
      for (const whose of [undefined, client(), client(held(ec))]) {
        assert.equal(verificationsOf(signed(ec, claims(), { alg }), whose), 0)
      }
    }
  })
})
