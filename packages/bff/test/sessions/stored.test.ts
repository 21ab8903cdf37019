import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keptAfter } from '../../src/sessions/stored.ts'

test('a refresh that does not say who the user is leaves that as it was, but nothing of what the user may do', () => {
  const who = { iss: 'https://idp.example', sub: 'ada' }
  const before = {
    ...who,
    name: 'Ada Lovelace',
    email: 'ada@example',
    locale: 'en',
    roles: ['admin'],
    acr: '2',
    iat: 1,
  }
  const claimsAfter = (claims?: typeof who & Record<string, unknown>) =>
    keptAfter({ accessToken: 'at', accessExpiresAt: 2, claims }, 1, { claims: before }).claims
  assert.deepEqual(claimsAfter({ ...who, locale: 'fr', iat: 2 }), {
    ...who,
    name: 'Ada Lovelace',
    email: 'ada@example',
    locale: 'fr',
    iat: 2,
  })
  assert.deepEqual(claimsAfter(), before)
})
