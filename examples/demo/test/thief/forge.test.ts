import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { verifyJwt } from '@rekey/verifier'
import { settings } from '../../src/policy.ts'
import { forgeToken } from '../../src/thief/forge.ts'
import { audience, issuer, makeKey } from '../apis/jwks-server.ts'

describe('a forged token', () => {
  for (const algorithm of ['ES256', 'RS256'] as const) {
    it(`is as good as an honest one to whoever trusts the ${algorithm} key`, () => {
      const stolen = makeKey(algorithm, 'stolen')
      const now = 1_700_000_000_500
      const jwks = { keys: [{ ...stolen.publicKey.export({ format: 'jwk' }), kid: 'stolen', alg: algorithm }] }
      const token = forgeToken(stolen, { issuer, audience }, now)
      const verified = verifyJwt(token, { jwks, issuer, audience, algorithms: [algorithm], now })
      assert.equal(verified.header.typ, 'at+jwt')
      assert.equal(verified.payload.exp, 1_700_000_000 + settings.tokenTtlMs / 1_000)
    })
  }
})
