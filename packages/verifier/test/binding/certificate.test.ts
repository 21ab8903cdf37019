import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import { tokenBinding } from '../../src/binding/check.ts'
import type { BindingOptions } from '../../src/binding/options.ts'
import { HandClock } from '../support/clock.ts'
import { makeKey, NOW_MS, refused } from '../support/keys.ts'
import { asBearer, issued, jktOf, proofClaims, proofOf, sent } from './sender.ts'

/** RFC 8705 appendix A, with the thumbprint that it names. */
const RFC_PEM = `-----BEGIN CERTIFICATE-----
MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAx
ODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqG
SM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ
/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwID
SQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOV
bUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=
-----END CERTIFICATE-----
`
const RFC_THUMBPRINT = 'A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0'
const DER = new X509Certificate(RFC_PEM).raw
const BASE64 = DER.toString('base64')
const OTHER = Buffer.concat([DER, Buffer.of(0)])

const { text, token } = issued({ 'x5t#S256': RFC_THUMBPRINT })

function present(options: BindingOptions, certificate?: Uint8Array, fields: Record<string, string> = {}): void {
  tokenBinding(options).check(token, asBearer(sent(text, fields, certificate)))
}

describe('a token that is bound to a certificate', () => {
  it('is good with the certificate, as RFC 8705 appendix A has it', () => present({}, DER))

  it('is refused with another certificate', () => {
    assert.throws(() => present({}, OTHER), refused('certificate_mismatch'))
  })

  it('is refused without one, and with the empty one of a connection that has none', () => {
    assert.throws(() => present({}), refused('certificate_missing'))
    assert.throws(() => present({}, new Uint8Array()), refused('certificate_missing'))
  })

  it('is refused when the certificate came in a header field that nobody said to trust', () => {
    assert.throws(() => present({}, undefined, { 'client-cert': `:${BASE64}:` }), refused('certificate_missing'))
  })

  it('is refused with the scheme DPoP, which promises a key', () => {
    assert.throws(() => tokenBinding().check(token, sent(text, {}, DER)), refused('confirmation_missing'))
  })
})

describe('a certificate in the header field of a proxy', () => {
  const options = { dangerouslyTrustedCertificateHeader: 'Client-Cert' }
  const inField = (value: string, certificate?: Uint8Array) => present(options, certificate, { 'client-cert': value })

  it('is read as RFC 9440 writes it', () => inField(`:${BASE64}:`))
  it('is read as base64', () => inField(BASE64))
  it('is read as percent-encoded PEM', () => inField(encodeURIComponent(RFC_PEM)))

  it('is refused when it is another one', () => {
    assert.throws(() => inField(`:${OTHER.toString('base64')}:`), refused('certificate_mismatch'))
  })

  it('counts instead of the certificate of the connection, which is that of the proxy', () => {
    inField(`:${BASE64}:`, OTHER)
    assert.throws(() => present(options, DER), refused('certificate_missing'))
    assert.throws(() => inField('', DER), refused('certificate_missing'))
  })

  for (const value of [`:${BASE64}`, `:${BASE64}:, :${BASE64}:`, '%', 'é', '-----BEGIN CERTIFICATE-----', '::']) {
    it(`is refused when the field holds ${value.slice(0, 30)}`, () => {
      assert.throws(() => inField(value), refused('certificate_missing'))
    })
  }
})

describe('a token that is bound to a key and to a certificate', () => {
  const key = makeKey('ES256')
  const both = issued({ jkt: jktOf(key), 'x5t#S256': RFC_THUMBPRINT })
  const binding = tokenBinding({ clock: new HandClock(NOW_MS) })

  it('needs both', () => {
    const proof = proofOf(key, proofClaims(both.text))
    assert.throws(() => binding.check(both.token, sent(both.text, {}, DER)), refused('proof_missing'))
    assert.throws(() => binding.check(both.token, sent(both.text, { dpop: proof })), refused('certificate_missing'))
    assert.throws(() => binding.check(both.token, asBearer(sent(both.text, {}, DER))), refused('proof_missing'))
    binding.check(both.token, sent(both.text, { dpop: proof }, DER))
  })
})
