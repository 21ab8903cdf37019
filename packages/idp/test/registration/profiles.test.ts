import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readProfiles } from '../../src/registration/profiles.ts'
import { managementScopes } from '../../src/tokens/scopes.ts'
import { admin, type Estate, startEstate } from '../estate.ts'
import { askRegistration, initialToken, newKey, registerClient } from './client.ts'

describe('client profiles', { timeout: 60_000 }, () => {
  let folder: string
  let path: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rekey-profiles-'))
    path = join(folder, 'profiles.json')
  })
  after(() => rm(folder, { recursive: true }))

  const of = async (profiles: unknown) => {
    await writeFile(path, typeof profiles === 'string' ? profiles : JSON.stringify({ profiles }))
    return readProfiles(path)
  }
  const wrong = (profiles: unknown, named: RegExp) =>
    assert.rejects(of(profiles), (error: { code: string; message: string }) => {
      assert.equal(error.code, 'CONFIG_INVALID')
      assert.match(error.message, /^REKEY_CLIENT_PROFILES: /)
      assert.match(error.message, named)
      return true
    })

  test('that are built in administer nothing, and ask every user', async () => {
    const profiles = await readProfiles(undefined)
    assert.deepEqual([...profiles.keys()], ['default', 'code-flow-pkjwt', 'code-flow-secret', 'spa'])
    for (const { scopes, firstParty } of profiles.values()) {
      assert.ok(!scopes.some((scope) => managementScopes.includes(scope)))
      assert.equal(firstParty, false)
    }
  })

  test('of a file stand beside them, and may take the name of one', async () => {
    const profiles = await of({
      billing: { based_on: 'code-flow-pkjwt', first_party: true, scopes: ['openid', 'billing:read'] },
      default: { scopes: ['reports:read'], key_algorithms: ['ES256'] },
    })
    assert.equal(profiles.size, 5)
    const billing = profiles.get('billing')
    assert.deepEqual([billing?.firstParty, billing?.authMethods], [true, ['private_key_jwt']])
    assert.deepEqual(billing?.defaultScopes, ['openid', 'billing:read'])
    assert.deepEqual(profiles.get('default')?.defaultScopes, ['reports:read'])
    const robot = (await of({ robot: { based_on: 'code-flow-secret' } })).get('robot')
    assert.deepEqual(robot?.defaultScopes, ['openid', 'profile', 'email', 'offline_access'])
    assert.ok(robot?.scopes.includes('roles'), 'for who asks')
  })

  test('that are wrong are told by the member that is', async () => {
    await wrong('{', /is not JSON/)
    await wrong({ x: { scope: ['a'] } }, /profiles\.x: .*scope/)
    await wrong({ x: { based_on: 'nobody' } }, /profiles\.x\.based_on/)
    await wrong({ x: { grant_types: ['implicit'] } }, /profiles\.x\.grant_types\.0/)
    await wrong({ x: { first_party: 'yes' } }, /profiles\.x\.first_party/)
    await wrong({ x: { scopes: ['a b'] } }, /profiles\.x\.scopes\.0/)
    await wrong({ x: { scopes: ['a'], default_scopes: ['b'] } }, /profiles\.x\.default_scopes/)
    await wrong({ x: { default_grant_types: ['authorization_code'] } }, /profiles\.x\.default_grant_types/)
    await wrong({ x: { defaults: { client_secret: 'x' } } }, /profiles\.x\.defaults/)
    await wrong({ 'a b': {} }, /profiles/)
    await assert.rejects(readProfiles(join(folder, 'nowhere.json')), /cannot be read \(ENOENT\)/)
  })

  describe('as an instance goes by them', () => {
    let estate: Estate
    before(async () => {
      estate = await startEstate()
    })
    after(() => estate.stop())

    test('allow what they name and nothing else; one that is wrong keeps the instance from starting', async () => {
      await of({
        robot: {
          scopes: ['reports:read', 'reports:write'],
          default_scopes: ['reports:read'],
          key_algorithms: ['RS256'],
        },
        named: { defaults: { client_name: 'of the profile', contacts: ['ops@example.org'] } },
      })
      const idp = await estate.instance({ REKEY_CLIENT_PROFILES: path })
      const refused = await askRegistration(idp, { profile: 'robot', key: newKey() })
      assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_client_metadata'])
      assert.match(refused.body.error_description, /RS256/)
      const named = await registerClient(idp, { profile: 'named' })
      assert.deepEqual([named.metadata.client_name, named.metadata.contacts], ['of the profile', ['ops@example.org']])
      const unknown = await askRegistration(idp, { profile: 'nobody', key: newKey() })
      assert.equal(unknown.status, 400)
      await writeFile(path, '{"profiles":{"x":{"first_party":1}}}')
      await assert.rejects(estate.instance({ REKEY_CLIENT_PROFILES: path }), { code: 'CONFIG_INVALID' })
    })

    test('give a scope that administers where the operator names it', async () => {
      await of({ operator: { scopes: ['agents:read', 'reports:read'], default_scopes: ['reports:read'] } })
      const idp = await estate.instance({ REKEY_CLIENT_PROFILES: path })
      const { token } = await initialToken(idp, { client_profile: 'operator' })
      const client = await registerClient(idp, { iat: token, profile: 'operator' })
      assert.equal(client.metadata.scope, 'reports:read')
      const scope = 'agents:read reports:read'
      const asked = await registerClient(idp, { iat: token, profile: 'operator', scope })
      assert.equal(asked.metadata.scope, scope)
      const more = { iat: token, profile: 'operator', scope: `${scope} agents:write`, key: newKey() }
      const { status, body } = await askRegistration(idp, more)
      assert.deepEqual([status, body.error], [400, 'invalid_scope'])
      assert.match(body.error_description, /may have agents:read reports:read$/)
    })

    test('that administer are given by tokens for them alone, made by whoever has those scopes', async () => {
      await of({ operator: { scopes: ['agents:read'] } })
      const idp = await estate.instance({ REKEY_CLIENT_PROFILES: path })
      const unbound = await askRegistration(idp, { profile: 'operator', key: newKey() })
      assert.deepEqual([unbound.status, unbound.body.error], [400, 'invalid_client_metadata'])
      const few = (await idp.token(admin, { scope: 'admin.api dcr.register dcr.admin' })).body.access_token
      const wish = { label: 'x', client_profile: 'operator' }
      const made = await idp.manage('POST', '/api/admin/dcr/initial-access-tokens', wish, few)
      assert.deepEqual([made.status, made.body.code], [403, 'INSUFFICIENT_SCOPE'])
      const { token: iat } = await initialToken(idp, { client_profile: 'operator' })
      const { clientId } = await registerClient(idp, { iat, profile: 'operator' })
      const rat = await idp.manage('POST', `/api/admin/dcr/clients/${clientId}/tokens`, undefined, few)
      assert.deepEqual([rat.status, rat.body.code], [403, 'INSUFFICIENT_SCOPE'])
    })

    test('whose users are not asked are given by tokens for them alone, made by whoever administers clients', async () => {
      await of({ own: { based_on: 'spa', first_party: true } })
      const idp = await estate.instance({ REKEY_CLIENT_PROFILES: path })
      const redirect_uris = ['https://app.example/callback']
      const unbound = await askRegistration(idp, { profile: 'own', redirect_uris })
      assert.deepEqual([unbound.status, unbound.body.error], [400, 'invalid_client_metadata'])
      const few = (await idp.token(admin, { scope: 'admin.api dcr.register' })).body.access_token
      const wish = { label: 'x', client_profile: 'own' }
      const made = await idp.manage('POST', '/api/admin/dcr/initial-access-tokens', wish, few)
      assert.deepEqual([made.status, made.body.details.scope], [403, 'dcr.admin'])
      const { token: iat } = await initialToken(idp, { client_profile: 'own' })
      assert.equal((await askRegistration(idp, { iat, redirect_uris })).status, 201)
    })
  })
})
