import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { verifyJwt } from '../../src/index.ts'
import { base, key, open, seconds } from '../support/jwt.ts'
import { AUDIENCE, compact, encode, goodClaims, ISSUER, makeKey, NOW_MS, refused } from '../support/keys.ts'

describe('verifyJwt', () => {
  it('gives back header and claims of a good token', () => {
    const { header, payload } = open({ roles: ['a'] })
    assert.equal(header.alg, 'ES256')
    assert.deepEqual({ ...payload }, { ...goodClaims(), roles: ['a'] })
  })

  it('takes the time as a number, as a function, or from the machine', () => {
    assert.ok(open({}, { now: () => NOW_MS }))
    const exp = Math.floor(Date.now() / 1000) + 60
    const { now: _, ...untimed } = base
    assert.ok(verifyJwt(compact(key, { ...goodClaims(), iat: exp - 60, exp }), untimed))
    assert.throws(() => verifyJwt(compact(key, { ...goodClaims(), exp: exp - 120 }), untimed), refused('token_expired'))
  })

  it('refuses a token from the millisecond in which it expires on', () => {
    assert.ok(open({ exp: seconds }, { now: NOW_MS - 1 }))
    assert.throws(() => open({ exp: seconds }, { now: NOW_MS }), refused('token_expired'))
    assert.ok(open({ exp: seconds }, { now: NOW_MS + 999, clockToleranceMs: 1000 }))
    assert.throws(
      () => open({ exp: seconds }, { now: NOW_MS + 1000, clockToleranceMs: 1000 }),
      refused('token_expired'),
    )
  })

  it('refuses a token before its time', () => {
    assert.throws(() => open({ nbf: seconds + 1 }), refused('token_not_yet_valid'))
    assert.ok(open({ nbf: seconds + 1 }, { clockToleranceMs: 1000 }))
    assert.ok(open({ nbf: seconds }))
  })

  it('requires exp', () => {
    assert.throws(() => open({ exp: undefined }), refused('claim_missing'))
  })

  it('refuses dates that are no finite numbers', () => {
    for (const claim of ['exp', 'nbf', 'iat']) {
      for (const value of ['1800000000', null, true, [], {}]) {
        assert.throws(() => open({ [claim]: value }), refused('claim_invalid'))
      }
    }
    const endless = JSON.stringify(goodClaims()).replace(/"exp":\d+/, '"exp":1e999')
    assert.throws(() => verifyJwt(compact(key, endless), base), refused('claim_invalid'))
  })

  it('compares the issuer literally', () => {
    for (const iss of [`${ISSUER}/`, ISSUER.toUpperCase(), `${ISSUER}:443`, '']) {
      assert.throws(() => open({ iss }), refused('issuer_mismatch'))
    }
    assert.throws(() => open({ iss: undefined }), refused('claim_missing'))
    assert.throws(() => open({ iss: [ISSUER] }), refused('claim_invalid'))
    assert.throws(() => open({ iss: 1 }, { issuer: null }), refused('claim_invalid'))
    assert.ok(open({ iss: undefined }, { issuer: null }))
  })

  it('takes aud as a string or an array of strings', () => {
    assert.ok(open({ aud: ['other', AUDIENCE] }))
    assert.ok(open({ aud: 'b' }, { audience: ['a', 'b'] }))
    for (const aud of ['other', [], ['other'], `${AUDIENCE} `]) {
      assert.throws(() => open({ aud }), refused('audience_mismatch'))
    }
    for (const aud of [1, null, { 0: AUDIENCE }, [AUDIENCE, 1]]) {
      assert.throws(() => open({ aud }), refused('claim_invalid'))
    }
    assert.throws(() => open({ aud: undefined }), refused('claim_missing'))
    assert.ok(open({ aud: undefined }, { audience: null }))
  })

  it('refuses a payload that is no JSON object', () => {
    for (const payload of ['null', '[]', '"text"', '7', '{', '', '\ufeff{}']) {
      assert.throws(() => verifyJwt(compact(key, payload), base), refused('token_malformed'))
    }
    const input = `${encode({ alg: 'ES256', kid: key.jwk.kid })}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}`
    const token = `${input}.${key.sign(input).toString('base64url')}`
    assert.throws(() => verifyJwt(token, base), refused('token_malformed'))
  })

  it('looks at claims only after the signature', () => {
    const stranger = makeKey('ES256')
    const expired = compact(stranger, { ...goodClaims(), exp: 1 })
    assert.throws(() => verifyJwt(expired, base), refused('signature_invalid'))
  })

  it('takes wrong use for a TypeError: what must be chosen is never left out', () => {
    const token = compact(key, goodClaims())
    const wrong: Record<string, unknown>[] = [
      { issuer: undefined },
      { issuer: '' },
      { audience: undefined },
      { audience: '' },
      { audience: [] },
      { algorithms: undefined },
      { jwks: undefined },
      { now: Number.NaN },
      { now: () => Number.POSITIVE_INFINITY },
      { clockToleranceMs: -1 },
      { clockToleranceMs: '5' },
    ]
    for (const options of wrong) {
      assert.throws(() => verifyJwt(token, { ...base, ...options } as never), TypeError, JSON.stringify(options))
    }
    assert.throws(() => verifyJwt(token, undefined as never), TypeError)
  })
})
