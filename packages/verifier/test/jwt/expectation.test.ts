import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { VerifyJwtOptions } from '../../src/index.ts'
import { open, seconds } from '../support/jwt.ts'
import { refused } from '../support/keys.ts'

describe('requiredTyp', () => {
  const typed = (typ: string | undefined, requiredTyp: VerifyJwtOptions['requiredTyp']) =>
    open({}, requiredTyp === undefined ? {} : { requiredTyp }, typ)

  it('left out or null takes any type', () => {
    for (const typ of ['anything', undefined]) {
      assert.ok(typed(typ, undefined))
      assert.ok(typed(typ, null))
    }
  })

  it('is compared without case and without application/', () => {
    for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/At+Jwt']) {
      assert.ok(typed(typ, 'at+jwt'))
      assert.ok(typed(typ, 'application/AT+jwt'))
    }
    for (const typ of ['JWT', '', 'at+jwt ', 'text/at+jwt', undefined]) {
      assert.throws(() => typed(typ, 'at+jwt'), refused('type_mismatch'))
    }
  })

  it('may be a list, in which null stands for no typ', () => {
    assert.ok(typed('JWT', ['at+jwt', 'jwt']))
    assert.ok(typed(undefined, ['at+jwt', null]))
    assert.throws(() => typed(undefined, ['at+jwt', 'JWT']), refused('type_mismatch'))
    assert.throws(() => typed('', ['at+jwt', null]), refused('type_mismatch'))
    assert.throws(() => typed('logout+jwt', ['at+jwt', null]), refused('type_mismatch'))
    assert.ok(typed(undefined, [null]))
  })
})

describe('requiredClaims', () => {
  it('must be there, whatever they say', () => {
    for (const value of [0, false, '', [], 'x'])
      assert.ok(open({ tenant: value }, { requiredClaims: ['tenant', 'sub'] }))
    for (const value of [undefined, null]) {
      assert.throws(() => open({ tenant: value }, { requiredClaims: ['tenant'] }), refused('claim_missing'))
    }
  })

  it('are not met by what every object inherits', () => {
    assert.throws(() => open({}, { requiredClaims: ['toString'] }), refused('claim_missing'))
  })

  it('are named in the error', () => {
    assert.throws(() => open({}, { requiredClaims: ['tenant'] }), { code: 'claim_missing', claim: 'tenant' })
  })
})

describe('authorizedParties', () => {
  const authorizedParties = ['web', 'mobile']

  it('are held against azp, and against client_id where there is no azp', () => {
    assert.ok(open({ azp: 'web' }, { authorizedParties }))
    assert.ok(open({ client_id: 'mobile' }, { authorizedParties }))
    assert.ok(open({ azp: 'web', client_id: 'other' }, { authorizedParties }))
    for (const claims of [{ azp: 'other' }, { azp: 'other', client_id: 'web' }, { client_id: 'WEB' }, { azp: '' }]) {
      assert.throws(() => open(claims, { authorizedParties }), refused('party_mismatch'))
    }
  })

  it('refuse a token that names no client', () => {
    assert.throws(() => open({}, { authorizedParties }), refused('claim_missing'))
  })

  it('left out, any client is as good as none', () => {
    assert.ok(open({ azp: 'whoever' }))
    assert.ok(open({}))
  })
})

describe('maxTokenLifetimeMs', () => {
  const maxTokenLifetimeMs = 600_000

  it('is the time from iat to exp', () => {
    assert.ok(open({ exp: seconds + 600 }, { maxTokenLifetimeMs }))
    assert.throws(() => open({ exp: seconds + 601 }, { maxTokenLifetimeMs }), refused('token_lifetime_too_long'))
    const old = { iat: seconds - 700, exp: seconds + 1 }
    assert.throws(() => open(old, { maxTokenLifetimeMs }), refused('token_lifetime_too_long'))
  })

  it('is what is left where there is no iat', () => {
    assert.ok(open({ iat: undefined, exp: seconds + 600 }, { maxTokenLifetimeMs }))
    const long = { iat: undefined, exp: seconds + 601 }
    assert.throws(() => open(long, { maxTokenLifetimeMs }), refused('token_lifetime_too_long'))
  })
})

describe('the claims that are always looked at', () => {
  it('refuse an iat more than a day and the tolerance ahead', () => {
    assert.ok(open({ iat: seconds + 86_400 }))
    assert.throws(() => open({ iat: seconds + 86_401 }), refused('token_not_yet_valid'))
    assert.ok(open({ iat: seconds + 86_405 }, { clockToleranceMs: 5000 }))
    assert.throws(() => open({ iat: seconds + 86_406 }, { clockToleranceMs: 5000 }), refused('token_not_yet_valid'))
  })

  it('refuse dates that no calendar has', () => {
    for (const exp of [1e300, 8.64e12 + 1]) assert.throws(() => open({ exp }), refused('claim_invalid'))
    assert.ok(open({ exp: 8.64e12 }))
    assert.throws(() => open({ nbf: -1e300 }), refused('claim_invalid'))
  })

  it('refuse identifiers that are no strings', () => {
    for (const claim of ['sub', 'jti', 'sid', 'azp', 'client_id']) {
      for (const value of [1, null, ['x'], {}]) {
        assert.throws(() => open({ [claim]: value }), { code: 'claim_invalid', claim })
      }
      assert.ok(open({ [claim]: 'x' }))
    }
    assert.ok(open({ sub: undefined, jti: undefined }))
  })
})

describe('wrong use of what is expected', () => {
  const wrong: Record<string, unknown>[] = [
    { requiredTyp: '' },
    { requiredTyp: [] },
    { requiredTyp: ['at+jwt', ''] },
    { requiredTyp: 7 },
    { requiredClaims: 'sub' },
    { requiredClaims: [''] },
    { authorizedParties: [] },
    { authorizedParties: 'web' },
    { authorizedParties: [7] },
    { maxTokenLifetimeMs: 0 },
    { maxTokenLifetimeMs: Number.POSITIVE_INFINITY },
    { maxTokenLifetimeMs: '600000' },
  ]
  for (const options of wrong) {
    it(`is a TypeError: ${JSON.stringify(options)}`, () => assert.throws(() => open({}, options as never), TypeError))
  }
})
