import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { baseUrlOf } from '../../src/options/base-url.ts'
import { optionsFromEnvironment } from '../../src/options/environment.ts'
import { folder } from '../client.ts'

const least = { IDP_BASE_URL: 'http://idp-app:8002', DCR_SIGNING_KEY: '/app/keys/bff-sig-001.pem' }

describe('the environment of a client', () => {
  it('needs the identity provider and the key; everything else has a default', () => {
    assert.deepEqual(optionsFromEnvironment(least), {
      idpUrl: 'http://idp-app:8002',
      signingKey: '/app/keys/bff-sig-001.pem',
      kid: 'bff-sig-001',
      credentials: '/app/keys/bff_client.json',
      clientId: undefined,
      clientProfile: undefined,
      redirectUris: [],
      redirectMode: 'auto',
      rotateAfterDays: 30,
      retireAfterDays: 60,
      maxKeys: 3,
      keyAlgorithm: 'RS256',
      jwksUri: undefined,
      jwksFile: undefined,
      initialAccessToken: undefined,
      adminToken: undefined,
      forceReplace: false,
      allowFailure: false,
      pushgatewayUrl: undefined,
    })
  })

  it('is read by every name', () => {
    const all = {
      IDP_BASE_URL: 'https://idp.example/api/oidc/',
      DCR_ENABLED: 'true',
      SKIP_DCR_BOOTSTRAP: 'false',
      DCR_IAT: 'iat-1',
      DCR_CLIENT_ID: 'bff-server',
      DCR_CLIENT_PROFILE: 'code-flow-pkjwt',
      DCR_SIGNING_KEY: '/keys/a.pem',
      BFF_KID: 'kid-1',
      DCR_KEY_ALG: 'ES256',
      DCR_REDIRECT_URIS: 'https://a.example/cb, https://b.example/cb  https://a.example/cb',
      DCR_REDIRECT_UPDATE_MODE: 'replace',
      BFF_JWK_ROTATE_AFTER_DAYS: '0',
      BFF_JWK_RETIRE_AFTER_DAYS: '-1',
      BFF_JWK_MAX_KEYS: '0',
      BFF_CLIENT_CRED_PATH: '/creds/c.json',
      DCR_FORCE_REPLACE: 'true',
      BOOTSTRAP_ADMIN_TOKEN: 'admin-1',
      PROM_PUSHGATEWAY_URL: 'http://push:9091',
      ALLOW_BOOTSTRAP_FAILURE: '1',
      DCR_JWKS_URI: 'https://a.example/.well-known/jwks.json',
    }
    assert.deepEqual(optionsFromEnvironment(all), {
      idpUrl: 'https://idp.example',
      signingKey: '/keys/a.pem',
      kid: 'kid-1',
      credentials: '/creds/c.json',
      clientId: 'bff-server',
      clientProfile: 'code-flow-pkjwt',
      redirectUris: ['https://a.example/cb', 'https://b.example/cb'],
      redirectMode: 'replace',
      rotateAfterDays: 0,
      retireAfterDays: -1,
      maxKeys: 0,
      keyAlgorithm: 'ES256',
      jwksUri: 'https://a.example/.well-known/jwks.json',
      jwksFile: '/keys/jwks.json',
      initialAccessToken: 'iat-1',
      adminToken: 'admin-1',
      forceReplace: true,
      allowFailure: true,
      pushgatewayUrl: 'http://push:9091',
    })
  })

  it('retires keys later than it makes them, whatever the age is at which it makes them', () => {
    const retired = (more: Record<string, string>) => {
      const options = optionsFromEnvironment({ ...least, ...more })
      return 'retireAfterDays' in options && options.retireAfterDays
    }
    assert.equal(retired({ BFF_JWK_ROTATE_AFTER_DAYS: '365' }), 730)
    assert.equal(retired({ BFF_JWK_ROTATE_AFTER_DAYS: '0' }), 60)
    assert.equal(retired({ BFF_JWK_ROTATE_AFTER_DAYS: '365', BFF_JWK_RETIRE_AFTER_DAYS: '0' }), 0)
    assert.equal(retired({ BFF_JWK_RETIRE_AFTER_DAYS: '31' }), 31)
  })

  it('switches the bootstrap off by either variable, and nothing else is asked for then', () => {
    assert.deepEqual(optionsFromEnvironment({ DCR_ENABLED: 'false' }), { skip: 'DCR_ENABLED=false' })
    assert.deepEqual(optionsFromEnvironment({ SKIP_DCR_BOOTSTRAP: 'true', DCR_ENABLED: 'true' }), {
      skip: 'SKIP_DCR_BOOTSTRAP=true',
    })
  })

  it('merges redirect URIs whatever the mode is when DCR_ROTATION_SAFE is true', () => {
    const options = optionsFromEnvironment({ ...least, DCR_ROTATION_SAFE: 'true', DCR_REDIRECT_UPDATE_MODE: 'replace' })
    assert.equal('redirectMode' in options && options.redirectMode, 'merge')
  })

  it('gives tokens by file', async () => {
    const place = await folder()
    const path = join(place.path, 'token')
    await writeFile(path, 'token-1\n')
    for (const env of [{ DCR_IAT: `file:${path}` }, { DCR_IAT_FILE: path }]) {
      const options = optionsFromEnvironment({ ...least, ...env })
      assert.equal('initialAccessToken' in options && options.initialAccessToken, 'token-1')
    }
    await place.remove()
  })

  const malformed: Record<string, string[]> = {
    IDP_BASE_URL: ['', 'idp-app:8002', 'ftp://idp', 'http://user:secret-1@idp', 'https://idp/?a=1'],
    DCR_ENABLED: ['maybe'],
    SKIP_DCR_BOOTSTRAP: ['2'],
    DCR_IAT: ['two words', 'file:/nowhere/secret-1'],
    DCR_CLIENT_ID: ['a/b', 'a'.repeat(101)],
    DCR_SIGNING_KEY: [''],
    BFF_KID: ['a b', 'ä'],
    DCR_KEY_ALG: ['HS256'],
    DCR_REDIRECT_URIS: ['/auth/callback', 'https://a.example/#x'],
    DCR_REDIRECT_UPDATE_MODE: ['Merge', 'always'],
    BFF_JWK_ROTATE_AFTER_DAYS: ['-1', 'soon', '1e3', 'NaN'],
    BFF_JWK_RETIRE_AFTER_DAYS: ['never', '30', '1'],
    BFF_JWK_MAX_KEYS: ['2.5', 'many', '1'],
    BFF_CLIENT_CRED_PATH: [least.DCR_SIGNING_KEY],
    PROM_PUSHGATEWAY_URL: ['push:9091'],
    DCR_JWKS_URI: ['jwks.json'],
    ALLOW_BOOTSTRAP_FAILURE: ['perhaps'],
    DCR_FORCE_REPLACE: ['x'],
    DCR_ROTATION_SAFE: ['x'],
  }
  for (const [name, values] of Object.entries(malformed)) {
    for (const value of values) {
      it(`is refused with ${name}=${value.slice(0, 40)}, by its name`, () => {
        assert.throws(
          () => optionsFromEnvironment({ ...least, [name]: value }),
          (error: Error & { code: string }) => {
            assert.equal(error.code, 'CONFIG_INVALID')
            assert.ok(error.message.startsWith(`${name} `), error.message)
            assert.ok(!error.message.includes('secret-1'))
            return true
          },
        )
      })
    }
  }
})

describe('IDP_BASE_URL', () => {
  for (const spelling of ['', '/', '//', '/api/oidc', '/api/oidc/', '/api/oidc//']) {
    it(`may end with “${spelling}”`, () => {
      assert.equal(baseUrlOf(`https://idp.example${spelling}`), 'https://idp.example')
      assert.equal(baseUrlOf(`https://idp.example/tenant${spelling}`), 'https://idp.example/tenant')
    })
  }
})
