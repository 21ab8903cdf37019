import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startApi, verdictOf } from '../../api.ts'
import { agent, decodeUnverified, type Estate, eventually, startEstate, type TestInstance } from '../../estate.ts'
import { kidIn, openIncident, remediesOf, signing } from './estate.ts'

describe('a compromised key that signs', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let other: TestInstance
  let bearer: string
  let kid: string
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    other = await estate.instance({ REKEY_ISSUER: idp.url })
    bearer = await idp.management()
    kid = await kidIn(idp, bearer, 'active')
    await kidIn(idp, bearer, 'prepared')
    await openIncident(estate, { incident: 'INC-1', kid })
    const { status, body } = await here().post('INC-1', 'probes', { kind: 'compromised' })
    assert.deepEqual([status, body.code], [409, 'NOT_FROZEN'], 'nobody carries it out')
    await here().post('INC-1', 'freeze')
  })
  after(() => estate.stop())

  const here = () => remediesOf(idp, bearer)
  const there = () => remediesOf(other, bearer)
  const probeBy = async (remedies: ReturnType<typeof here>, kind: string) => {
    const reply = await remedies.post('INC-1', 'probes', { kind })
    assert.equal(reply.status, 200, JSON.stringify(reply.body))
    return reply.body
  }

  test('is probed by a token that every instance gives alike', async () => {
    const [made, same] = await Promise.all([probeBy(here(), 'compromised'), probeBy(there(), 'compromised')])
    assert.deepEqual(same, made)
    assert.deepEqual(await probeBy(there(), 'compromised'), made)
    const { header, payload } = decodeUnverified(made.token)
    assert.deepEqual(header, { alg: 'ES256', typ: 'at+jwt', kid })
    const { jti, iat, exp, ...claims } = payload
    const nobody = 'urn:rekey:probe:INC-1'
    assert.deepEqual(claims, { iss: idp.url, sub: nobody, aud: 'urn:rekey:api', client_id: nobody })
    assert.equal(exp - iat, 30 * 86_400)
    assert.deepEqual([made.kid, made.jti, Date.parse(made.expiresAt)], [kid, jti, exp * 1_000])
  })

  test('gives its place to another one, and is revoked, in two steps that may be repeated', async (t) => {
    const api = await startApi(idp)
    t.after(() => api.close())
    const { token } = await probeBy(here(), 'compromised')
    assert.equal(verdictOf(api, token), 'ok')
    const successor = await kidIn(idp, bearer, 'prepared')
    const promoted = await here().post('INC-1', 'promote')
    assert.equal(promoted.status, 200, JSON.stringify(promoted.body))
    assert.equal(promoted.body.windowMs, 0)
    assert.equal(promoted.body.successors[0].kid, successor)
    for (const instance of [idp, other]) {
      assert.equal(decodeUnverified((await instance.token(agent)).body.access_token).header.kid, successor)
    }
    const revoked = await here().post('INC-1', 'revoke')
    assert.equal(revoked.status, 200, JSON.stringify(revoked.body))
    assert.equal(revoked.body.revoked[0].kid, kid)
    assert.deepEqual(
      revoked.body.keys
        .filter((key: { kid: string }) => key.kid === kid)
        .map(({ state, reason }: { state: string; reason: string }) => [state, reason]),
      [['revoked', 'compromised']],
    )
    assert.equal((await there().post('INC-1', 'promote')).body.successors[0].kid, successor)
    assert.deepEqual((await there().post('INC-1', 'revoke')).body.revoked, revoked.body.revoked)
    assert.equal(verdictOf(api, token), 'key_revoked')
    assert.equal(verdictOf(api, (await probeBy(there(), 'fresh')).token), 'ok')
    assert.equal((await probeBy(there(), 'compromised')).token, token)
  })

  test('is not needed for a fresh token to probe with, nor for one that is denied everywhere by then', async (t) => {
    const [fresh, denied] = [await probeBy(here(), 'fresh'), await probeBy(here(), 'denied')]
    assert.notEqual(fresh.kid, kid)
    assert.ok((await probeBy(here(), 'fresh')).token !== fresh.token)
    const api = await startApi(idp, other)
    t.after(() => api.close())
    assert.deepEqual([verdictOf(api, fresh.token), verdictOf(api, denied.token)], ['ok', 'token_denied'])
    const { payload } = decodeUnverified(fresh.token)
    assert.equal(payload.exp - payload.iat, 3_600)
  })
})

describe('a compromised key that does not sign', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let bearer: string
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    bearer = await idp.management()
  })
  after(() => estate.stop())

  const post = (incident: string, what: string, body?: unknown) => remediesOf(idp, bearer).post(incident, what, body)
  const keyring = `/api/v1/keyrings/${signing}`

  test('has no successor to be promoted while it is only prepared, and is revoked', async () => {
    const kid = await kidIn(idp, bearer, 'prepared')
    await openIncident(estate, { incident: 'prepared', kid })
    await post('prepared', 'freeze')
    assert.equal((await post('prepared', 'probes', { kind: 'compromised' })).body.kid, kid)
    const promoted = (await post('prepared', 'promote')).body
    assert.deepEqual([promoted.successors, promoted.windowMs], [[], 0])
    assert.equal((await post('prepared', 'revoke')).body.revoked[0].kid, kid)
    await post('prepared', 'unfreeze')
    const { entries } = (await idp.manage('GET', '/api/v1/denied', undefined, bearer)).body
    assert.deepEqual(entries, [], 'the token by it is refused already')
  })

  test('is shown with the key that took over from it while it is retiring, and is revoked', async () => {
    const kid = await kidIn(idp, bearer, 'active')
    const successor = await kidIn(idp, bearer, 'prepared')
    await idp.manage('POST', `${keyring}/rotate`, { force: true }, bearer)
    await eventually(
      () => kidIn(idp, bearer, 'active'),
      (now) => now === successor,
    )
    await openIncident(estate, { incident: 'retiring', kid })
    assert.equal((await post('retiring', 'promote')).body.successors[0].kid, successor)
    const { revoked, keys } = (await post('retiring', 'revoke')).body
    assert.equal(revoked[0].kid, kid)
    assert.equal(
      keys.find((key: { state: string; keyring: string }) => key.state === 'active' && key.keyring === signing).kid,
      successor,
    )
  })

  test('makes no token to probe with once its private half is gone', async () => {
    const kid = await kidIn(idp, bearer, 'revoked')
    await openIncident(estate, { incident: 'gone', kid })
    await post('gone', 'freeze')
    const { status, body } = await post('gone', 'probes', { kind: 'compromised' })
    assert.deepEqual([status, body.code], [409, 'KEY_CANNOT_SIGN'])
    assert.equal((await post('gone', 'revoke')).body.revoked[0].kid, kid)
    await post('gone', 'unfreeze')
  })

  test('is left accepted where the incident is unfrozen without more, and the token that it signed is denied', async (t) => {
    const api = await startApi(idp)
    t.after(() => api.close())
    const kid = await kidIn(idp, bearer, 'active')
    await openIncident(estate, { incident: 'given-up', kid })
    await post('given-up', 'freeze')
    const probe = (await post('given-up', 'probes', { kind: 'compromised' })).body
    assert.equal(verdictOf(api, probe.token), 'ok')
    assert.equal((await post('given-up', 'unfreeze')).status, 200)
    await eventually(
      async () => verdictOf(api, probe.token),
      (code) => code === 'token_denied',
    )
    const { entries } = (await idp.manage('GET', '/api/v1/denied', undefined, bearer)).body
    assert.ok(Date.parse(entries[0].expiresAt) >= Date.parse(probe.expiresAt), 'for as long as it lives')
    assert.equal((await post('given-up', 'probes', { kind: 'compromised' })).body.code, 'NOT_FROZEN')
    await post('given-up', 'freeze')
    const another = (await post('given-up', 'probes', { kind: 'compromised' })).body
    assert.equal(verdictOf(api, another.token), 'ok', 'what is probed with next says something about the key')
    await post('given-up', 'unfreeze')
  })

  test('is left as it is when it is retired already', async () => {
    const kid = await kidIn(idp, bearer, 'prepared')
    await idp.manage('POST', `${keyring}/discard`, { id: kid }, bearer)
    await openIncident(estate, { incident: 'retired', kid })
    assert.deepEqual((await post('retired', 'promote')).body.successors, [])
    assert.deepEqual((await post('retired', 'revoke')).body.revoked, [])
  })
})
