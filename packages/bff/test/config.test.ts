import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from '../src/config.ts'

const minimal = {
  REKEY_BFF_URL: 'https://app.example',
  DATABASE_URL: 'postgres://localhost/bff',
  REKEY_ROOT_KEY: 'env:ROOT',
  TOKEN_HASH_SALT: 'keyring:',
  IDP_BASE_URL: 'https://idp.example',
  AUTH_CLIENT_ID: 'bff',
  AUTH_CLIENT_SECRET: 'a-secret-of-the-client-of-some-length',
}

test('browsers are told no address beyond this machine at which their cookies would go in plaintext', () => {
  const exposed = { ...minimal, REKEY_BFF_URL: 'http://app.example' }
  assert.throws(() => readConfig(exposed), { code: 'CONFIG_INVALID', message: /^REKEY_BFF_URL .* in plaintext/ })
  assert.equal(readConfig({ ...exposed, REKEY_ALLOW_PLAINTEXT: 'true' }).publicUrl, 'http://app.example')
  for (const url of ['https://app.example', 'http://localhost:8000', 'http://127.0.0.1:8000', 'http://[::1]:8000']) {
    assert.equal(readConfig({ ...minimal, REKEY_BFF_URL: url }).publicUrl, url)
  }
})
