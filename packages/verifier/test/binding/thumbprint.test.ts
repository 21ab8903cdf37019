import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { calculateJwkThumbprint } from 'jose'
import { publicMembers, thumbprint } from '../../src/binding/thumbprint.ts'
import type { Jwk } from '../../src/keys/jwk.ts'
import { makeKey } from '../support/keys.ts'

const thumbprintOf = (jwk: Jwk): string => thumbprint(publicMembers(jwk) as Jwk)

const RFC_7638_RSA = {
  kty: 'RSA',
  n:
    '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj' +
    'hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ' +
    'vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK' +
    'nqDKgw',
  e: 'AQAB',
  alg: 'RS256',
  kid: '2011-04-29',
}

describe('the thumbprint of a key', () => {
  it('is that of RFC 7638 §3.1 for its RSA key', () => {
    assert.equal(thumbprintOf(RFC_7638_RSA), 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
  })

  it('is that of RFC 8037 appendix A.3 for its Ed25519 key', () => {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }
    assert.equal(thumbprintOf(jwk), 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
  })

  it('is that of RFC 9449 §6.1 for its P-256 key', () => {
    const jwk = {
      kty: 'EC',
      x: 'l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs',
      y: '9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA',
      crv: 'P-256',
    }
    assert.equal(thumbprintOf(jwk), '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I')
  })

  for (const algorithm of ['ES256', 'ES384', 'ES512', 'RS256', 'Ed25519']) {
    it(`is what another implementation computes for an ${algorithm} key`, async () => {
      const { jwk } = makeKey(algorithm)
      assert.equal(thumbprintOf(jwk), await calculateJwkThumbprint(jwk as Parameters<typeof calculateJwkThumbprint>[0]))
    })
  }

  it('does not exist for a key that lacks a member, has one of another type, or is a secret', () => {
    assert.equal(publicMembers({ kty: 'EC', crv: 'P-256', x: 'AA' }), undefined)
    assert.equal(publicMembers({ kty: 'RSA', n: 7 as unknown as string, e: 'AQAB' }), undefined)
    assert.equal(publicMembers({ kty: 'oct', k: 'AA' }), undefined)
    assert.equal(publicMembers({}), undefined)
  })
})
