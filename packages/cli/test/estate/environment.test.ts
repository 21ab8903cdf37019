import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apiEnvironment, bffEnvironment, idpEnvironment } from '../../src/estate/environment.ts'

const shell = {
  PATH: '/bin',
  NODE_ENV: 'production',
  AWS_SECRET_ACCESS_KEY: 'somebody else’s',
  REKEY_CLIENT_SECRET: 'for an estate elsewhere',
  REKEY_HOME: '/home',
  REKEY_ACCESS_TOKEN_TTL: '10m',
  REKEY_TRUST_CLIENT_SECRET: 'of an API elsewhere',
  REKEY_NO_SUCH_SETTING: 'nobody’s',
  REKEY_ALGORITHMS: 'ES256',
  INTERNAL_JWKS_REFRESH_TOKEN: 'of the APIs',
  OIDC_FORCE_KEY_ROTATION: 'true',
  DATABASE_DIRECT_URL: 'postgres://of-another-database',
  DATABASE_OWNER_URL: 'postgres://owner:secret@of-another-database',
}

test('an API gets the runtime’s variables and its own, and none of the shell’s secrets', () => {
  assert.deepEqual(apiEnvironment(shell, { PORT: '1' }), {
    PATH: '/bin',
    NODE_ENV: 'production',
    REKEY_ALGORITHMS: 'ES256',
    INTERNAL_JWKS_REFRESH_TOKEN: 'of the APIs',
    PORT: '1',
  })
})

test('the IdP gets its own settings from the shell too, and nothing that is meant for others or for another database', () => {
  assert.deepEqual(idpEnvironment(shell, {}, { DATABASE_URL: 'x' }), {
    PATH: '/bin',
    NODE_ENV: 'production',
    REKEY_ACCESS_TOKEN_TTL: '10m',
    INTERNAL_JWKS_REFRESH_TOKEN: 'of the APIs',
    OIDC_FORCE_KEY_ROTATION: 'true',
    DATABASE_URL: 'x',
  })
})

test('the backend for frontend gets its own settings from the shell, and none of the IdP’s or of another database', () => {
  const elsewhere = { DCR_SIGNING_KEY: '/worker.pem', BFF_CLIENT_CRED_PATH: '/worker.json', AUTH_CLIENT_ID: 'worker' }
  const given = { ...shell, ...elsewhere, TOKEN_HASH_SALT: 'salt' }
  const environment = bffEnvironment(given, { TOKEN_HASH_SALT: 'keyring:' }, {})
  assert.deepEqual(environment, { PATH: '/bin', NODE_ENV: 'production', TOKEN_HASH_SALT: 'salt' })
  const files = { TOKEN_HASH_SALT_FILE: '/salt', CSRF_SECRET_KEY_FILE: '/csrf' }
  assert.deepEqual(bffEnvironment(files, { TOKEN_HASH_SALT: 'keyring:' }, { CSRF_SECRET_KEY: 'own' }), {
    TOKEN_HASH_SALT_FILE: '/salt',
    CSRF_SECRET_KEY: 'own',
  })
})

test('the shell overrules the defaults of the estate, and the estate the shell', () => {
  const environment = idpEnvironment(
    { REKEY_ANONYMOUS_PROPAGATION: '10m', REKEY_PORT: '1' },
    { REKEY_ANONYMOUS_PROPAGATION: '0s' },
    { REKEY_PORT: '8002' },
  )
  assert.deepEqual(environment, { REKEY_ANONYMOUS_PROPAGATION: '10m', REKEY_PORT: '8002' })
})
