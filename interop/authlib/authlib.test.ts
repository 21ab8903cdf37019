import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startRekey, user, userAgent } from '@rekey/idp/testing'
import { pythonWithAuthlib, runClient } from './python.ts'

const redirectUri = 'https://python.example/callback'

test('Authlib and requests register, log a user in, rotate the key of the client, and leave', {
  timeout: 300_000,
}, async (t) => {
  const { python, remove, missing } = await pythonWithAuthlib()
  if (!python) return t.skip(missing)
  t.after(remove)
  const idp = await startRekey()
  t.after(() => idp.stop())
  const initialAccessToken = await idp.initialAccess({ client_profile: 'code-flow-pkjwt' })
  const said = await runClient(python, [idp.url, initialAccessToken, redirectUri], async ({ step, url }) =>
    step === 'authorize' ? logIn(idp.url, url) : undefined,
  )
  const of = (step: string) => said.get(step) ?? assert.fail(`nothing was said of: ${step}`)
  const clientId = of('registered').body.client_id

  assert.equal(of('registered').status, 201)
  assert.equal(of('read').status, 200)
  assert.deepEqual(of('read').body.redirect_uris, [redirectUri])
  assert.equal(of('read').body.client_secret, undefined)
  assert.equal(of('token').type, 'Bearer')
  const { issuer, audience, nonce, same } = of('logged in')
  assert.deepEqual(
    { issuer, audience, nonce, same },
    { issuer: idp.url, audience: clientId, nonce: 'once', same: true },
  )
  assert.equal(of('patched').status, 200)
  assert.equal(of('patched').body.client_name, 'Python')
  assert.equal(of('refreshed').rotated, true)
  assert.equal(of('late').status, 412)
  assert.equal(of('put').status, 200)
  assert.equal(of('put').body.client_name, 'Renamed')
  assert.equal(of('old key').error, 'invalid_client')
  assert.equal(of('deleted').status, 204)
  assert.equal(of('gone').status, 404)
})

/** @returns where the login that begins at `address` leads back to */
async function logIn(origin: string, address: string): Promise<string> {
  const agent = userAgent(origin)
  const asked = await agent.submit(await agent.go(address), '/login', user)
  return (await agent.submit(asked, '/consent')).url.href
}
