import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { requirePrivacy } from '../../src/config/privacy.ts'

const given = { REKEY_HOST: 'localhost', REKEY_ALLOW_PLAINTEXT: false, DATABASE_URL: 'postgres://u:p@localhost/rekey' }

describe('privacy', () => {
  const leaks: [string, object, RegExp][] = [
    ['a host beyond this machine', { REKEY_HOST: '0.0.0.0' }, /REKEY_HOST/],
    ['a database beyond it without TLS', { DATABASE_URL: 'postgres://u:p@db/rekey' }, /DATABASE_URL/],
    ['an owner who goes there without TLS', { DATABASE_OWNER_URL: 'postgres://u:p@db/rekey' }, /DATABASE_OWNER_URL/],
  ]
  for (const [what, variables, named] of leaks) {
    test(`is required of ${what}, unless an operator says that the network is encrypted`, () => {
      const asked = { ...given, ...variables }
      assert.throws(() => requirePrivacy(asked), { code: 'CONFIG_INVALID', message: named })
      requirePrivacy({ ...asked, REKEY_ALLOW_PLAINTEXT: true })
    })
  }

  test('is given by loopback, by TLS and by a socket', () => {
    for (const url of [
      'postgres://u:p@db/rekey?sslmode=verify-full',
      'postgres://u:p@[::1]/rekey',
      'postgres:///rekey',
    ]) {
      requirePrivacy({ ...given, DATABASE_URL: url })
    }
  })
})
