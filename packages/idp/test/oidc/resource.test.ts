import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Instance } from '../../src/instance.ts'
import { issuedWhenAllowed } from '../../src/oidc/resource.ts'

const now = 1_800_000_000_900
const iat = 1_800_000_000

function setting(from: (subject: string) => number) {
  const issuableFrom: Instance['issuableFrom'] = (_iss, subject, at) => Math.max(at, from(subject))
  return { config: { issuer: 'https://login.example.com' }, clock: () => now, issuableFrom } as never
}
const token = { clientId: 'shop', accountId: 'ada' } as never

test('a JWT says the first second that the deny-list lets pass, of its user as of its client', async () => {
  for (const denied of ['shop', 'ada']) {
    const payload = { iat, exp: iat + 60 }
    await issuedWhenAllowed(
      setting((subject) => (subject === denied ? iat + 1 : 0)),
      token,
      payload,
    )
    assert.deepEqual(payload, { iat: iat + 1, exp: iat + 61 })
  }
})

test('a JWT is not held up where nothing is denied, or for longer than a moment is rounded up by', async () => {
  for (const from of [0, iat, iat + 3_600]) {
    const payload = { iat, exp: iat + 60 }
    await issuedWhenAllowed(
      setting(() => from),
      token,
      payload,
    )
    assert.deepEqual(payload, { iat, exp: iat + 60 })
  }
})
