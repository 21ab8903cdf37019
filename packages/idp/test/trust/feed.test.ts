import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { admin, agent, basic, type Estate, startEstate, type TestInstance, verifier } from '../estate.ts'
import { openFeed } from './open-feed.ts'

describe('the trust feed', { timeout: 30_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
  })
  after(() => estate.stop())

  test('sends the whole set first, and then what changed', async () => {
    await using feed = await openFeed(idp.url)
    const first = await feed.next()
    assert.equal(first.id, `${first.data.epoch}.${first.data.n}`)
    assert.equal(first.data.full, true)
    assert.equal(first.data.jwks.keys.length, 4)
    assert.equal(first.data.leaseSeconds, 15)
    const standby = (await idp.manage('GET', '/api/v1/keyrings/signing-rs256')).body.versions.at(-1).id
    await idp.manage('POST', '/api/v1/keyrings/signing-rs256/revoke', { id: standby, reason: 'test' })
    const second = await feed.next()
    assert.ok(second.data.n > first.data.n)
    assert.deepEqual(second.data.revokedKids, [standby])
    assert.equal(
      second.data.jwks.keys.some((key) => key.kid === standby),
      false,
    )
  })

  test('sends nothing again to a verifier that holds the newest set, and the whole set to any other', async () => {
    await using feed = await openFeed(idp.url)
    const { id } = await feed.next()
    await using resumed = await openFeed(idp.url, id)
    assert.match(await resumed.comment(), /nothing newer/)
    await using stale = await openFeed(idp.url, '1.1')
    assert.equal((await stale.next()).data.full, true)
  })

  test('and the lease refuse whoever is no registered verifier', async () => {
    const jwt = (await idp.token(agent)).body.access_token
    const wrong = [
      undefined,
      `Bearer ${jwt}`,
      `Bearer ${await idp.management()}`,
      basic(admin),
      'Basic x',
      basic({ ...verifier, clientSecret: 'no' }),
    ]
    for (const authorization of wrong) {
      const headers: Record<string, string> = { 'content-type': 'application/json' }
      if (authorization) headers.authorization = authorization
      const body = JSON.stringify({ instance: 'x', epoch: 1, n: 1, library: 'x', algorithms: [] })
      assert.equal((await idp.call('/trust/feed', { headers })).body.code, 'UNAUTHENTICATED')
      assert.equal((await idp.call('/trust/lease', { method: 'POST', headers, body })).status, 401)
      assert.equal((await idp.call('/trust/lease', { method: 'DELETE', headers, body })).status, 401)
    }
  })

  test('refuses a malformed lease request', async () => {
    for (const body of ['{', '[]', '{}', '{"instance":"x","epoch":"1","n":1}', '{"instance":"x","epoch":1,"n":-1}']) {
      const headers = { authorization: basic(verifier), 'content-type': 'application/json' }
      const reply = await idp.call('/trust/lease', { method: 'POST', headers, body })
      assert.equal(reply.status, 400, body)
      assert.match(reply.body.code, /^INVALID_(JSON|REQUEST)$/)
    }
  })

  test('a verifier registered over the API may read it', async () => {
    const created = await idp.manage('POST', '/api/v1/verifiers', { name: 'api-9' })
    assert.equal(created.status, 201)
    await using feed = await openFeed(idp.url, undefined, created.body)
    assert.equal((await feed.next()).data.full, true)
    assert.equal((await idp.manage('POST', '/api/v1/verifiers', { name: 'api-9' })).body.code, 'ALREADY_EXISTS')
  })

  test('ends when the instance loses its lease', async () => {
    await using feed = await openFeed(idp.url)
    await feed.next()
    await idp.close()
    await feed.ended()
  })
})
