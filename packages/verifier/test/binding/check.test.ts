import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { tokenBinding } from '../../src/binding/check.ts'
import type { BindingOptions } from '../../src/binding/options.ts'
import { refused } from '../support/keys.ts'
import { asBearer, bench, issued, proofOf, sent } from './sender.ts'

const X5T = Buffer.alloc(32, 1).toString('base64url')

function presentBound(cnf: unknown, options: BindingOptions = {}): void {
  const { text, token } = issued(cnf)
  tokenBinding(options).check(token, asBearer(sent(text)))
}

describe('a token that is bound to nothing', () => {
  it('is good for whoever has it', () => presentBound(undefined))

  it('is refused with the scheme DPoP, even with a good proof', () => {
    const { binding, key, claims } = bench()
    const { text, token } = issued(undefined)
    const proof = proofOf(key, claims({ ath: undefined }))
    assert.throws(() => binding.check(token, sent(text, { dpop: proof })), refused('confirmation_missing'))
  })

  for (const requiredBinding of ['dpop', 'certificate', 'either'] as const) {
    it(`is refused where a binding is required: ${requiredBinding}`, () => {
      assert.throws(() => presentBound(undefined, { requiredBinding }), refused('confirmation_missing'))
    })
  }
})

describe('a token that is bound to a key', () => {
  it('is refused as a bearer token, with or without a good proof', () => {
    const { binding, key, claims, text, token } = bench()
    const proof = proofOf(key, claims())
    assert.throws(() => binding.check(token, asBearer(sent(text))), refused('proof_missing'))
    assert.throws(() => binding.check(token, asBearer(sent(text, { dpop: proof }))), refused('proof_missing'))
    binding.check(token, sent(text, { dpop: proof }))
  })

  it('is refused where a certificate is required, and good where a key is, or either', () => {
    const wants = (requiredBinding: 'dpop' | 'certificate' | 'either') => {
      const { key, claims, present } = bench({ requiredBinding })
      present(proofOf(key, claims()))
    }
    assert.throws(() => wants('certificate'), refused('confirmation_missing'))
    wants('dpop')
    wants('either')
  })
})

describe('a confirmation claim', () => {
  for (const cnf of [{}, { jwk: { kty: 'EC' } }, { kid: 'key-1' }, { 'x5t#S512': X5T }]) {
    it(`that names nothing known here is refused: ${JSON.stringify(cnf)}`, () => {
      assert.throws(() => presentBound(cnf), refused('confirmation_unsupported'))
    })
  }

  const malformed = [
    null,
    [],
    'key',
    7,
    true,
    { jkt: null },
    { jkt: '' },
    { jkt: `${X5T}=` },
    { jkt: X5T.slice(1) },
    { jkt: [X5T] },
    { 'x5t#S256': 7 },
    { jkt: X5T, 'x5t#S256': 'short' },
  ]
  for (const cnf of malformed) {
    it(`that is malformed is refused: ${JSON.stringify(cnf)}`, () => {
      assert.throws(() => presentBound(cnf), { name: 'VerifyError', code: 'claim_invalid', claim: 'cnf' })
    })
  }

  it('may have members besides', () => {
    assert.throws(() => presentBound({ 'x5t#S256': X5T, kid: 'k' }), refused('certificate_missing'))
  })
})

describe('the options of a binding', () => {
  const wrong: readonly [string, unknown][] = [
    ['a shared-secret algorithm', { dpop: { algorithms: ['ES256', 'HS256'] } }],
    ['no algorithm', { dpop: { algorithms: [] } }],
    ['an unknown algorithm', { dpop: { algorithms: ['none'] } }],
    ['text for algorithms', { dpop: { algorithms: 'ES256' } }],
    ['a negative age', { dpop: { maxAgeMs: -1 } }],
    ['an endless age', { dpop: { maxAgeMs: Number.POSITIVE_INFINITY } }],
    ['a tolerance of text', { dpop: { clockToleranceMs: '5' } }],
    ['no memory', { dpop: { maxRemembered: 0 } }],
    ['endless memory', { dpop: { maxRemembered: Number.POSITIVE_INFINITY } }],
    ['a length that is no whole number', { dpop: { maxLength: 1.5 } }],
    ['a short secret', { dpop: { nonces: { secrets: ['short'] } } }],
    ['no secret', { dpop: { nonces: { secrets: [] } } }],
    ['a secret outside of a list', { dpop: { nonces: { secrets: 'x'.repeat(32) } } }],
    ['nonces that are never replaced', { dpop: { nonces: { replacedEveryMs: 0 } } }],
    ['an unknown binding', { requiredBinding: 'mtls' }],
    ['an empty header', { dangerouslyTrustedCertificateHeader: '' }],
    ['a header that is none', { dangerouslyTrustedCertificateHeader: 'client cert' }],
  ]
  for (const [what, options] of wrong) {
    it(`are refused with ${what}`, () => {
      assert.throws(() => tokenBinding(options as BindingOptions), TypeError)
    })
  }

  it('are refused without repeating a secret', () => {
    assert.throws(
      () => tokenBinding({ dpop: { nonces: { secrets: ['hunter2'] } } }),
      (error: Error) => error instanceof TypeError && !error.message.includes('hunter2'),
    )
  })

  it('may be left out', () => {
    const { proofAlgorithms, nonce } = tokenBinding()
    assert.ok(proofAlgorithms.includes('ES256') && proofAlgorithms.includes('Ed25519'))
    assert.equal(nonce(), undefined)
  })
})
