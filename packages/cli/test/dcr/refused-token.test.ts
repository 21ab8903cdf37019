import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { isLetIn } from './assertion.ts'
import { type Scene, type Service, scene } from './scene.ts'

const now = { BFF_JWK_ROTATE_AFTER_DAYS: '0' }
const one = '/api/oidc/register/bff-server'
const tokens = 'POST /api/admin/dcr/clients/bff-server/tokens'

describe('a service whose registration access token is refused', () => {
  let s: Scene
  let bff: Service

  before(async () => {
    s = await scene()
    bff = s.service()
    await bff.started({ DCR_IAT: await s.iat() })
    s.wire.taken()
  })
  after(() => s.end())

  const renew = () => s.idp.json('dcr', 'client', 'renew-token', 'bff-server')

  it('ends with what an administrator has to do, and goes on by its old key', async () => {
    await renew()
    const key = bff.key
    const { code, stdout, stderr } = await bff.start(now)
    assert.deepEqual([code, JSON.parse(stdout).code], [1, 'RAT_INVALID'])
    for (const way of ['administrator', 'BOOTSTRAP_ADMIN_TOKEN', 'DCR_FORCE_REPLACE']) assert.match(stderr, RegExp(way))
    assert.deepEqual(s.registrations(), [`GET ${one} 401`])
    assert.equal(bff.key, key)
    assert.equal(await isLetIn(s.wire.url, 'bff-server', 'bff-sig-001', bff.key), true)
  })

  it('starts nevertheless where that is allowed, and says so', async () => {
    const { code, stdout, stderr } = await bff.start({ ALLOW_BOOTSTRAP_FAILURE: 'true' })
    const { outcome, code: reason } = JSON.parse(stdout)
    assert.deepEqual([code, outcome, reason], [0, 'failed', 'RAT_INVALID'])
    assert.match(stderr, /RAT_INVALID/)
    s.wire.taken()
  })

  it('gets another one by BOOTSTRAP_ADMIN_TOKEN, and goes on', async () => {
    const adminToken = await s.adminToken()
    const { code, stdout, stderr } = await bff.start({ ...now, BOOTSTRAP_ADMIN_TOKEN: adminToken })
    assert.deepEqual([code, JSON.parse(stdout).outcome], [0, 'rotated'], stderr)
    assert.doesNotMatch(stdout + stderr, new RegExp(adminToken))
    assert.deepEqual(s.registrations(), [`GET ${one} 401`, `${tokens} 201`, `GET ${one} 200`, `PATCH ${one} 200`])
    assert.equal((await bff.started()).outcome, 'unchanged')
    s.wire.taken()
  })

  it('does so too where the token is refused only when it changes something', async () => {
    let patches = 0
    s.wire.meddle(async ({ line }) => {
      if (line === `PATCH ${one}` && patches++ === 0) await renew()
      return undefined
    })
    const redirects = { DCR_REDIRECT_URIS: 'https://bff.example.com/other' }
    const { outcome } = await bff.started({ ...redirects, BOOTSTRAP_ADMIN_TOKEN: await s.adminToken() })
    s.wire.meddle()
    assert.equal(outcome, 'updated')
    assert.deepEqual(s.registrations(), [`GET ${one} 200`, `PATCH ${one} 401`, `${tokens} 201`, `PATCH ${one} 200`])
  })

  it('ends with what to do where the administrator’s token is refused as well', async () => {
    await renew()
    for (const token of [
      'rkt_nobody',
      await s.idp.rekey('token', '--scope', 'agents:read').then(({ stdout }) => stdout),
    ]) {
      const { code, stdout, stderr } = await bff.start({ BOOTSTRAP_ADMIN_TOKEN: token.trim() })
      assert.deepEqual([code, JSON.parse(stdout).code], [1, 'RAT_INVALID'])
      assert.match(stderr, /BOOTSTRAP_ADMIN_TOKEN/)
    }
    s.wire.taken()
  })

  it('goes on with the one that an administrator issued by hand and put into the file', async () => {
    const { registration_access_token } = await renew()
    const kept = JSON.parse(readFileSync(bff.credentials, 'utf8'))
    writeFileSync(bff.credentials, JSON.stringify({ ...kept, registration_access_token }))
    assert.equal((await bff.started()).outcome, 'updated')
    assert.equal(bff.kept.registration_access_token.length > 0, true)
    assert.equal((await bff.started()).outcome, 'unchanged')
    s.wire.taken()
  })

  it('registers anew in place of what is there, by DCR_FORCE_REPLACE and a token for this client, once', async () => {
    await renew()
    const before = bff.kept
    const forced = { DCR_FORCE_REPLACE: 'true', DCR_IAT: await s.iat('--client', 'bff-server') }
    const { outcome, clientId, kid } = await bff.started(forced)
    assert.deepEqual([outcome, clientId], ['registered', 'bff-server'])
    assert.deepEqual(s.registrations().slice(0, 1), ['POST /api/oidc/register 201'])
    assert.notEqual(bff.kept.registration_access_token, before.registration_access_token)
    assert.equal(await isLetIn(s.wire.url, clientId, kid, bff.key), true)
    assert.equal((await bff.started(forced)).outcome, 'unchanged')
    s.wire.taken()
  })

  it('is registered by another id, and says so, where the token is not for this client', async () => {
    const { stderr, stdout, code } = await bff.start({ DCR_FORCE_REPLACE: 'true', DCR_IAT: await s.iat() })
    assert.equal(code, 0, stderr)
    const { clientId, kid } = JSON.parse(stdout)
    assert.notEqual(clientId, 'bff-server')
    assert.match(stderr, /rekey dcr client remove bff-server$/m)
    assert.equal(await isLetIn(s.wire.url, clientId, kid, bff.key), true)
    assert.deepEqual(s.registrations(), ['POST /api/oidc/register 400', 'POST /api/oidc/register 201'])
    const all = await s.idp.json('dcr', 'client', 'list')
    const states = all.clients.map((client: { client_id: string; status: string }) => [client.client_id, client.status])
    assert.deepEqual(new Map(states).get('bff-server'), 'active')
  })
})

describe('a registration access token that was replaced', () => {
  let s: Scene
  before(async () => {
    // So that every change replaces it.
    s = await scene({ REKEY_RAT_RENEW_AFTER: '1ms' })
  })
  after(() => s.end())

  it('works until the one that replaced it is used; after that it is a tripwire, which status tells of', async () => {
    const bff = s.service()
    await bff.started({ DCR_IAT: await s.iat() })
    const stolen = bff.kept.registration_access_token
    const read = async () => {
      const reply = await fetch(bff.kept.registration_client_uri, { headers: { authorization: `Bearer ${stolen}` } })
      await reply.body?.cancel()
      return reply.status
    }
    await bff.started(now)
    assert.notEqual(bff.kept.registration_access_token, stolen)
    assert.equal(await read(), 200)
    assert.equal((await bff.started()).outcome, 'unchanged')
    assert.equal(await read(), 401)
    const attention = async () => (await s.idp.json('status')).attention as { what: string; command: string }[]
    const found = await eventually(attention, (all) => all.some(({ what }) => what.includes('bff-server')))
    const worry = found.find(({ what }) => what.includes('bff-server'))
    assert.match(
      worry?.what ?? '',
      /^a registration access token that was replaced of agent bff-server was presented once/,
    )
    assert.equal((await s.idp.json(...(worry?.command.split(' ').slice(1) ?? []))).events.length, 1)
  })
})
