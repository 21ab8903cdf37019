import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ensureRegistered } from '../../src/index.ts'
import { complete } from '../../src/options/complete.ts'

const least = { idpUrl: 'https://idp.example/api/oidc/', signingKey: '/app/keys/worker.pem' }

describe('the options of a client', () => {
  it('need the identity provider and the key; everything else has a default', () => {
    assert.deepEqual(complete(least), {
      idpUrl: 'https://idp.example',
      signingKey: '/app/keys/worker.pem',
      kid: 'worker',
      credentials: '/app/keys/bff_client.json',
      jwksFile: undefined,
      keyAlgorithm: 'RS256',
      redirectUris: [],
      redirectMode: 'auto',
      rotateAfterDays: 30,
      retireAfterDays: 60,
      maxKeys: 3,
      forceReplace: false,
      allowFailure: false,
    })
    assert.equal(complete({ ...least, jwksUri: 'https://a.example/jwks.json' }).jwksFile, '/app/keys/jwks.json')
  })

  for (const [wrong, name] of [
    [{ idpUrl: 'idp' }, 'IDP_BASE_URL'],
    [{ kid: 'a b' }, 'BFF_KID'],
    [{ credentials: least.signingKey }, 'BFF_CLIENT_CRED_PATH'],
    [{ rotateAfterDays: -1 }, 'BFF_JWK_ROTATE_AFTER_DAYS'],
    [{ rotateAfterDays: 60, retireAfterDays: 60 }, 'BFF_JWK_RETIRE_AFTER_DAYS'],
    [{ maxKeys: 1 }, 'BFF_JWK_MAX_KEYS'],
  ] as const) {
    it(`are refused before anything is done where ${JSON.stringify(wrong)} is wrong, by the name of its variable`, async () => {
      const quiet = { log: () => undefined }
      const start = ensureRegistered({ ...least, ...wrong }, quiet)
      await assert.rejects(start, { code: 'CONFIG_INVALID', message: new RegExp(`^${name} `) })
    })
  }
})
