import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { admin, agent, type Estate, eventually, reader, startEstate, type TestInstance } from '../estate.ts'
import { addTenant, auditReader, tenant } from './reading.ts'

describe('refusals in the audit', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let audit: Awaited<ReturnType<typeof auditReader>>

  before(async () => {
    estate = await startEstate()
    await addTenant(estate)
    idp = await estate.instance()
    audit = await auditReader(idp)
  })
  after(() => estate.stop())

  const refusals = async (actor: string) => {
    await idp.idp.instance.gathered.flush()
    return audit.until({ action: 'authorization.refused', actor })
  }

  test('that somebody without a token met with are one event a route, with their count', async () => {
    for (let i = 0; i < 3; i += 1) await idp.call('/api/v1/keyrings')
    await idp.call('/api/v1/keyrings/one')
    await idp.call('/api/v1/keyrings/another', { headers: { authorization: 'Bearer rkt_none' } })
    const events = await refusals('anonymous')
    const said = events.map(({ outcome, details }) => [
      outcome,
      details.cause,
      details.method,
      details.route,
      details.count,
    ])
    assert.deepEqual(said.toSorted(), [
      ['refused', 'UNAUTHENTICATED', 'GET', '/api/v1/keyrings', 3],
      ['refused', 'UNAUTHENTICATED', 'GET', '/api/v1/keyrings/:name', 2],
    ])
    for (const { details, organizationId } of events) {
      assert.match(String(details.address), /^(::1|127\.0\.0\.1|::ffff:127\.0\.0\.1)$/)
      assert.ok(String(details.firstAt) <= String(details.lastAt))
      assert.equal(organizationId, undefined)
    }
  })

  test('for the want of a scope name it, and whom it was refused', async () => {
    const bearer = await idp.management(reader)
    await idp.manage('POST', '/api/v1/keyrings/signing-es256/rotate', {}, bearer)
    const [event] = await refusals(reader.clientId)
    assert.deepEqual(
      [event?.organizationId, event?.details.cause, event?.details.scope, event?.details.route],
      ['default', 'INSUFFICIENT_SCOPE', 'keyrings:write', '/api/v1/keyrings/:name/rotate'],
    )
  })

  test('across organizations are told to the one that tried', async () => {
    const bearer = await idp.management(tenant)
    const { status } = await idp.manage('GET', `/api/v1/agents/${agent.clientId}`, undefined, bearer)
    assert.equal(status, 403)
    await idp.idp.instance.gathered.flush()
    const theirs = await auditReader(idp, tenant)
    const [event] = await theirs.until({ action: 'authorization.refused' })
    assert.deepEqual(
      [event?.actor, event?.organizationId, event?.details.cause, event?.details.agentId],
      [tenant.clientId, tenant.organizationId, 'FORBIDDEN', agent.clientId],
    )
    assert.deepEqual(await audit.all({ action: 'authorization.refused', actor: tenant.clientId }), [])
  })

  test('of clients that fail to authenticate are one event for each client and cause, with their count', async () => {
    const wrong = { ...agent, clientSecret: `sk_live_${'0'.repeat(64)}` }
    const nobody = { ...wrong, clientId: randomUUID() }
    for (const credential of [wrong, wrong, wrong, nobody]) assert.equal((await idp.token(credential)).status, 401)
    await idp.idp.instance.gathered.flush()
    const events = await audit.until({ action: 'auth.failed', outcome: 'failed', order: 'oldest' }, 2)
    assert.deepEqual(
      events.map(({ actor, agentId, organizationId, details }) => [actor, agentId, organizationId, details.count]),
      [
        [agent.clientId, agent.clientId, 'default', 3],
        ['unknown', undefined, undefined, 1],
      ],
    )
    assert.notEqual(events[0]?.details.cause, events[1]?.details.cause)
  })

  test('of scopes that a client may not have are told', async () => {
    assert.equal((await idp.token(agent, { scope: 'keyrings:write' })).body.error, 'invalid_scope')
    await idp.idp.instance.gathered.flush()
    await eventually(
      () => audit.all({ action: 'authorization.refused' }),
      (events) => events.some(({ details }) => details.cause === 'invalid_scope' && details.route === '/api/v1/token'),
    )
  })

  test('for too many requests are told', async () => {
    const limited = await estate.instance({ REKEY_ADMINISTRATION_LIMIT: '1/1h' })
    const bearer = await limited.management(reader)
    const call = () => limited.manage('GET', '/api/v1/keyrings', undefined, bearer)
    assert.deepEqual([(await call()).status, (await call()).status, (await call()).status], [200, 429, 429])
    // Ended without having been asked to write anything.
    await limited.close()
    const events = await audit.until({ action: 'authorization.refused', actor: reader.clientId }, 2)
    const told = events.find(({ details }) => details.cause === 'RATE_LIMITED')
    assert.deepEqual([told?.details.count, told?.organizationId], [2, 'default'])
  })

  test('hold nothing of what was sent', async () => {
    const secret = `rkt_${'s'.repeat(43)}`
    await idp.call(`/api/v1/keyrings/in-the-path-${secret}?q=${secret}`, {
      headers: { authorization: `Bearer ${secret}` },
    })
    await refusals('anonymous')
    const events = await audit.all()
    assert.equal(JSON.stringify(events).includes(secret), false)
  })

  test('of what is malformed, or not there, are none', async () => {
    const before = await audit.all({ outcome: 'refused', actor: admin.clientId })
    assert.equal((await audit.get('/api/v1/keyrings/none')).status, 404)
    assert.equal((await audit.get('/api/v1/nothing')).status, 404)
    assert.equal((await idp.manage('POST', '/api/v1/verifiers', { name: '' }, audit.bearer)).status, 400)
    await idp.idp.instance.gathered.flush()
    const after = await audit.all({ outcome: 'refused', actor: admin.clientId })
    assert.deepEqual(after, before)
  })
})
