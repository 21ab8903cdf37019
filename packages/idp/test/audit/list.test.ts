import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { recordEvent, recordEventAs } from '@rekey/database'
import { admin, type Estate, reader, startEstate, type TestInstance } from '../estate.ts'
import { addTenant, auditReader, tenant } from './reading.ts'

describe('GET /api/v1/audit', { timeout: 60_000 }, () => {
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

  const record = (action: string, more: object = {}) =>
    estate.db
      .transaction()
      .execute((transaction) =>
        recordEvent(transaction, { action, outcome: 'success', actor: 'test', details: {}, ...more }),
      )
  const acts = (events: { actor: string }[]) => events.map(({ actor }) => actor)

  test('shows what was done, by whom and to whom, and how it is chained', async () => {
    const { body: agent } = await idp.manage('POST', '/api/v1/agents', { name: 'seen' })
    const [event] = await audit.until({ action: 'agent.created', agentId: agent.agentId })
    assert.deepEqual(Object.keys(event ?? {}).toSorted(), [
      'action',
      'actor',
      'agentId',
      'at',
      'details',
      'hash',
      'id',
      'organizationId',
      'outcome',
      'previousHash',
      'seq',
    ])
    assert.deepEqual(
      [event?.action, event?.outcome, event?.actor, event?.agentId, event?.organizationId, event?.details.name],
      ['agent.created', 'success', admin.clientId, agent.agentId, 'default', 'seen'],
    )
    assert.match(event?.hash ?? '', /^[0-9a-f]{64}$/)
    assert.ok(Math.abs(Date.parse(event?.at ?? '') - (await idp.idp.instance.store.now())) < 20_000)
  })

  test('leaves out what an event has not', async () => {
    await record('test.bare')
    const [event] = await audit.until({ action: 'test.bare' })
    assert.ok(event && !('agentId' in event) && !('organizationId' in event))
  })

  test('has each event after the one that its hash covers, without a gap', async () => {
    const events = await audit.all({ order: 'oldest' })
    assert.ok(events.length > 5)
    for (const [place, event] of events.entries()) {
      assert.equal(event.seq, place + 1, 'the operator of this estate sees all there is')
      assert.equal(event.previousHash, events[place - 1]?.hash ?? '0'.repeat(64))
    }
  })

  test('filters by action, outcome, actor, agent and time', async () => {
    const noon = Date.UTC(2026, 0, 1, 12)
    const recordAt = (seconds: number, more: object) =>
      estate.db.transaction().execute((transaction) => {
        const event = { action: 'test.filter', outcome: 'success' as const, actor: 'test', details: {}, ...more }
        return recordEventAs(transaction, randomUUID(), noon + seconds * 1_000, event)
      })
    await recordAt(0, { actor: 'one' })
    await recordAt(1, { actor: 'two', outcome: 'failed' })
    await recordAt(2, { actor: 'three', agentId: 'agent-1' })
    await audit.until({ action: 'test.filter' }, 3)
    const filtered = async (query: object) =>
      acts(await audit.all({ action: 'test.filter', order: 'oldest', ...query }))
    assert.deepEqual(await filtered({}), ['one', 'two', 'three'])
    assert.deepEqual(await filtered({ order: 'newest' }), ['three', 'two', 'one'])
    assert.deepEqual(await filtered({ outcome: 'failed' }), ['two'])
    assert.deepEqual(await filtered({ actor: 'one' }), ['one'])
    assert.deepEqual(await filtered({ agentId: 'agent-1' }), ['three'])
    assert.deepEqual(await filtered({ actor: 'one', outcome: 'failed' }), [])
    const second = '2026-01-01T12:00:01.000Z'
    assert.deepEqual(await filtered({ from: second }), ['two', 'three'], 'its own moment is within')
    assert.deepEqual(await filtered({ to: second }), ['one'], 'its own moment is without')
    assert.deepEqual(await filtered({ from: '2100-01-01T00:00:00Z' }), [])
    assert.deepEqual(await filtered({ from: '2026-01-01' }), ['one', 'two', 'three'], 'a day begins in UTC')
    assert.deepEqual(await filtered({ to: '2026-01-01' }), [])
    assert.deepEqual(await filtered({ from: '2026-01-01T14:00:01+02:00' }), ['two', 'three'], 'an offset is understood')
  })

  for (const order of ['newest', 'oldest']) {
    test(`turns pages, ${order} first, in which nothing is missing or twice while events are added`, async () => {
      const action = `test.${order}`
      for (let i = 0; i < 7; i += 1) await record(action, { actor: `${i}` })
      await audit.until({ action }, 7)
      const seen: string[] = []
      let cursor: string | null = null
      do {
        const page = await audit.page({ action, order, limit: '2', ...(cursor === null ? {} : { cursor }) })
        assert.ok(page.events.length <= 2)
        seen.push(...acts(page.events))
        cursor = page.nextCursor
        if (seen.length < 7) await record(action, { actor: 'late' })
      } while (cursor !== null)
      const early = seen.filter((actor) => actor !== 'late')
      assert.deepEqual(order === 'newest' ? early.toReversed() : early, ['0', '1', '2', '3', '4', '5', '6'])
      assert.equal(order === 'newest' && seen.includes('late'), false, 'what is added later is newer than every page')
    })
  }

  test('refuses what is no filter, no page and no cursor', async () => {
    const queries = [
      'limit=0',
      'limit=201',
      'cursor=x',
      'cursor=12',
      'from=yesterday',
      'order=upwards',
      'outcome=good',
      'action=',
    ]
    for (const query of queries) {
      const { status, body } = await audit.get(`/api/v1/audit?${query}`)
      assert.deepEqual([query, status, body.code], [query, 400, 'INVALID_REQUEST'])
    }
  })

  test('shows an organization what is its own, and what is nobody’s to the one that runs the estate', async () => {
    await record('test.tenants', { actor: 'theirs', organizationId: tenant.organizationId })
    await record('test.tenants', { actor: 'ours', organizationId: 'default' })
    await record('test.tenants', { actor: 'nobodys' })
    const theirs = await auditReader(idp, tenant)
    const query = { action: 'test.tenants' }
    assert.deepEqual(acts(await audit.until(query, 2)), ['nobodys', 'ours'])
    assert.deepEqual(acts(await theirs.until(query)), ['theirs'])
    const visible = await theirs.all()
    assert.ok(visible.every(({ organizationId }) => organizationId === tenant.organizationId))
  })

  test('needs a management token with audit:read, and answers at the paths that runbooks have', async () => {
    const other = await idp.management(reader)
    assert.equal((await idp.manage('GET', '/api/v1/audit', undefined, other)).body.code, 'INSUFFICIENT_SCOPE')
    assert.equal((await idp.call('/api/v1/audit')).body.code, 'UNAUTHENTICATED')
    for (const path of ['/audit?action=credential.generated', '/v1/audit?action=credential.generated']) {
      const { status, body } = await audit.get(path)
      assert.equal(status, 200)
      assert.ok(body.events.every(({ action }: { action: string }) => action === 'credential.generated'))
      assert.ok(body.events.length >= 3, 'the estate was set up with three agents')
    }
    assert.equal((await audit.get('/auditor')).status, 404)
  })
})
