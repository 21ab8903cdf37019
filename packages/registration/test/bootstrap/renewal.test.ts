import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { atModern } from '../at-modern.ts'
import { start, stored } from '../client.ts'
import { servingKeys } from '../service.ts'

const DAY_MS = 86_400_000
const later = (days: number) => ({ now: () => Date.now() + days * DAY_MS })
const seldom = { BFF_JWK_ROTATE_AFTER_DAYS: '3650' }

describe('the registration access token of a client that has nothing to change', () => {
  const at = atModern({ rotateRat: true })

  const token = async () => (await stored(at.setting)).registration_access_token
  const registered = async () => {
    const first = await start(at.setting, { ...seldom, DCR_IAT: await at.modern.behind.iat() })
    at.modern.log.length = 0
    return first
  }

  it('is renewed by a change of nothing when it is 30 days old, and then stays for another 30', async () => {
    const { clientId } = await registered()
    const before = await at.modern.behind.client(clientId)
    const first = await token()
    await start(at.setting, seldom, later(29))
    assert.deepEqual(at.modern.log, ['GET 200'])
    const renewed = await start(at.setting, seldom, later(31))
    assert.equal(renewed.outcome, 'unchanged')
    assert.deepEqual(at.modern.log, ['GET 200', 'GET 200', 'PATCH 200'])
    assert.notEqual(await token(), first)
    assert.deepEqual(await at.modern.behind.client(clientId), before)
    await start(at.setting, seldom, later(60))
    assert.equal(at.modern.log.at(-1), 'GET 200')
    await start(at.setting, seldom, later(62))
    assert.equal(at.modern.log.at(-1), 'PATCH 200')
  })

  it('stays where the change is refused, which is told, and is tried again by the next start', async () => {
    await registered()
    const first = await token()
    at.modern.instead = ({ method }) => (method === 'PATCH' ? { status: 423, body: {} } : undefined)
    const { outcome, lines } = await start(at.setting, seldom, later(31))
    assert.equal(outcome, 'unchanged')
    assert.match(lines.join('\n'), /registration access token was not renewed \(FROZEN\)/)
    assert.equal(await token(), first)
    at.modern.instead = undefined
    await start(at.setting, seldom, later(31))
    assert.notEqual(await token(), first)
  })
})

describe('the registration access token at an identity provider that never renews it', () => {
  const at = atModern()

  it('is asked for once in 30 days, not at every start', async () => {
    await start(at.setting, { ...seldom, DCR_IAT: await at.modern.behind.iat() })
    await start(at.setting, seldom, later(31))
    at.modern.log.length = 0
    await start(at.setting, seldom, later(32))
    assert.deepEqual(at.modern.log, ['GET 200'])
  })
})

describe('the registration access token of a client that is registered by address', () => {
  const at = atModern({ rotateRat: true })
  const service = servingKeys(() => at.setting.folder)

  it('is renewed with each rotation, and when it is 30 days old', async () => {
    await start(at.setting, { ...service.env, DCR_IAT: await at.modern.behind.iat() })
    const seen = new Set([(await stored(at.setting)).registration_access_token])
    const rotated = await start(at.setting, { ...service.env, BFF_JWK_ROTATE_AFTER_DAYS: '0' })
    assert.equal(rotated.outcome, 'rotated')
    const after = await stored(at.setting)
    assert.equal(after.kid, rotated.kid)
    seen.add(after.registration_access_token)
    await start(at.setting, { ...service.env, ...seldom }, later(31))
    seen.add((await stored(at.setting)).registration_access_token)
    assert.equal(seen.size, 3)
    assert.equal((await stored(at.setting)).kid, rotated.kid)
    assert.equal((await at.modern.behind.client(rotated.clientId)).jwks_uri, service.env.DCR_JWKS_URI)
  })
})
