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
    writeFileSync(file, JSON.stringify({ profiles: { own } }))
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

  it('is not made where there is no such profile', async () => {
    const { code, stderr } = await s.idp.rekey('dcr', 'token', 'create', 'bff', '--profile', 'nobody')
    assert.equal(code, 1)
    assert.match(stderr, /INVALID_CLIENT_METADATA/)
  })
})
