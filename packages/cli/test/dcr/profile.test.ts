import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { temporaryFolder } from '../folder.ts'
import { type Scene, scene } from './scene.ts'

describe('a token for a profile of the operator', () => {
  let s: Scene
  before(async () => {
    const file = join(temporaryFolder(), 'profiles.json')
    const own = { based_on: 'code-flow-pkjwt', first_party: true, scopes: ['openid', 'tokens:read', 'audit:read'] }
    const secret = { ...own, based_on: 'code-flow-secret' }
    writeFileSync(file, JSON.stringify({ profiles: { own, secret } }))
    s = await scene({ REKEY_CLIENT_PROFILES: file })
  })
  after(() => s.end())

  it('is made by whichever scopes the server says that it takes', async () => {
    const bff = s.service('bff-server', 'own')
    assert.equal((await bff.started({ DCR_IAT: await s.iat('--profile', 'own') })).outcome, 'registered')
    const { metadata, scope } = await s.idp.json('dcr', 'client', 'show', 'bff-server')
    assert.equal(scope, 'openid tokens:read audit:read')
    assert.equal(metadata.token_endpoint_auth_method, 'private_key_jwt')
  })

  it('has clients with management scopes, whose tokens, keys and secrets are changed by whoever has these scopes himself', async () => {
    await s.idp.json('dcr', 'client', 'renew-token', 'bff-server')
    const file = join(temporaryFolder(), 'jwks.json')
    writeFileSync(file, JSON.stringify(await s.idp.json('dcr', 'client', 'jwks', 'show', 'bff-server')))
    for (const way of ['add', 'replace']) await s.idp.json('dcr', 'client', 'jwks', way, 'bff-server', file)
    const reply = await fetch(`${s.wire.url}/api/oidc/register`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await s.iat('--profile', 'secret')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ client_id: 'shop', client_profile: 'secret', redirect_uris: ['https://shop.example/cb'] }),
    })
    assert.equal(reply.status, 201)
    const { client_secret: clientSecret } = await s.idp.json('dcr', 'client', 'rotate-secret', 'shop')
    assert.equal(await s.idp.token({ clientId: 'shop', clientSecret }), 200)
  })

  it('is not made where there is no such profile', async () => {
    const { code, stderr } = await s.idp.rekey('dcr', 'token', 'create', 'bff', '--profile', 'nobody')
    assert.equal(code, 1)
    assert.match(stderr, /INVALID_CLIENT_METADATA/)
  })
})
