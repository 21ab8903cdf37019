import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Scene, type Service, scene } from './scene.ts'

const seldom = { BFF_JWK_ROTATE_AFTER_DAYS: '3650' }
const later = (days: number) => ({ now: () => Date.now() + days * 86_400_000 })

describe('a service that has nothing to change for a long time', () => {
  let s: Scene
  let bff: Service

  before(async () => {
    s = await scene({ REKEY_RAT_RENEW_AFTER: '1ms' })
    bff = s.service()
    await bff.started({ ...seldom, DCR_IAT: await s.iat() })
    s.wire.taken()
  })
  after(() => s.end())

  const token = () => JSON.parse(readFileSync(join(bff.folder, 'bff_client.json'), 'utf8')).registration_access_token

  it('has its registration access token renewed after 30 days, by a change that changes nothing', async () => {
    const before = token()
    const metadata = async () => (await s.idp.json('dcr', 'client', 'show', 'bff-server')).metadata
    const registered = await metadata()
    assert.equal(registered.jwks.keys.length, 1)
    assert.equal((await bff.started(seldom, later(31))).outcome, 'unchanged')
    const own = '/api/oidc/register/bff-server 200'
    assert.deepEqual(s.registrations(), [`GET ${own}`, `PATCH ${own}`])
    assert.notEqual(token(), before)
    assert.deepEqual(await metadata(), registered)
    assert.equal((await bff.started(seldom, later(60))).outcome, 'unchanged')
    assert.deepEqual(s.registrations(), [`GET ${own}`])
  })
})
