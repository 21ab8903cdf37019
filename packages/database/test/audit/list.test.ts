import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { type EventFilter, findEvent, listEvents } from '../../src/audit/list.ts'
import { recordEvent, recordEventAs } from '../../src/audit/record.ts'
import { databaseNow } from '../../src/keyrings/store.ts'
import { type AuditEstate, auditEstate, event } from './estate.ts'

const noon = Date.parse('2026-03-31T12:00:00.000Z')
const org1 = { organization: 'org-1', withUnowned: false }

describe('the list of events', () => {
  let estate: AuditEstate
  before(async () => {
    estate = await auditEstate()
    const told = [
      event('agent.created', { agentId: 'a-1', organizationId: 'org-1' }),
      event('agent.created', { agentId: 'a-2', organizationId: 'org-2' }),
      event('keyring.activated', { actor: 'rekey' }),
      event('auth.failed', { agentId: 'a-1', organizationId: 'org-1', outcome: 'failed' }),
      event('agent.suspended', { agentId: 'a-1', organizationId: 'org-1', actor: 'root' }),
    ]
    await estate.db.transaction().execute(async (transaction) => {
      for (const [i, each] of told.entries()) await recordEventAs(transaction, randomUUID(), noon + i, each)
    })
    const chain = await estate.chain()
    await chain.poke()
    await chain.close()
  })
  after(() => estate.stop())

  const seqs = async (filter: Partial<EventFilter>) =>
    (await listEvents(estate.db, { ...org1, ...filter }, { limit: 50, order: 'asc' })).events.map(({ seq }) => seq)

  it('shows an event as its text tells it, with the hash of the text', async () => {
    const { events } = await listEvents(estate.db, org1, { limit: 2, order: 'desc' })
    const { id, hash, previousHash, ...told } = events[0] ?? assert.fail()
    assert.deepEqual(told, {
      seq: 5,
      at: '2026-03-31T12:00:00.004Z',
      action: 'agent.suspended',
      outcome: 'success',
      actor: 'root',
      agentId: 'a-1',
      organizationId: 'org-1',
      details: { note: 'a "quoted" word', n: 1 },
    })
    assert.match(`${id} ${hash} ${previousHash}`, /^[0-9a-f-]{36} [0-9a-f]{64} [0-9a-f]{64}$/)
    assert.deepEqual(await findEvent(estate.db, id), events[0])
    assert.equal(await findEvent(estate.db, randomUUID()), undefined)
  })

  it('holds what belongs to an organization, and what belongs to none only when that is asked for', async () => {
    assert.deepEqual(await seqs({}), [1, 4, 5])
    assert.deepEqual(await seqs({ withUnowned: true }), [1, 3, 4, 5])
    assert.deepEqual(await seqs({ organization: 'org-2' }), [2])
    assert.deepEqual(await seqs({ organization: 'org-3' }), [])
  })

  it('is narrowed by action, outcome, actor, agent and time', async () => {
    assert.deepEqual(await seqs({ action: 'agent.created' }), [1])
    assert.deepEqual(await seqs({ outcome: 'failed' }), [4])
    assert.deepEqual(await seqs({ actor: 'root' }), [5])
    assert.deepEqual(await seqs({ agentId: 'a-1', actor: 'ops' }), [1, 4])
    assert.deepEqual(await seqs({ agentId: 'a-2' }), [])
    assert.deepEqual(await seqs({ from: noon + 3 }), [4, 5])
    assert.deepEqual(await seqs({ from: noon, to: noon + 4 }), [1, 4])
  })

  it('is read a page at a time, either way', async () => {
    const all = { organization: 'org-1', withUnowned: true }
    for (const order of ['asc', 'desc'] as const) {
      const pages: number[][] = []
      for (let after: number | undefined; pages.at(-1)?.length !== 0; after = pages.at(-1)?.at(-1)) {
        const { events } = await listEvents(estate.db, all, { limit: 2, order, after })
        pages.push(events.map(({ seq }) => seq))
      }
      const places = order === 'asc' ? [1, 3, 4, 5] : [5, 4, 3, 1]
      assert.deepEqual(pages, [places.slice(0, 2), places.slice(2), []])
    }
  })
  it('is found in parts where those that are wanted lie far from where it begins', async () => {
    const steps = { first: 1, further: 1, most: 0 }
    const rare = { ...org1, action: 'agent.created' }
    const first = await listEvents(estate.db, rare, { limit: 1, order: 'desc' }, steps)
    assert.deepEqual(first, { events: [], stoppedAt: 5, waitingSince: null })
    const few = await listEvents(estate.db, rare, { limit: 1, order: 'desc', after: 5 }, { ...steps, most: 1 })
    assert.deepEqual([few.events.map(({ seq }) => seq), few.stoppedAt], [[1], undefined])
    const many = { ...org1, withUnowned: true }
    const places: number[] = []
    for (let after: number | undefined; ; ) {
      const { events, stoppedAt } = await listEvents(estate.db, many, { limit: 9, order: 'asc', after }, steps)
      places.push(...events.map(({ seq }) => seq))
      if (stoppedAt === undefined) break
      after = stoppedAt
    }
    assert.deepEqual(places, [1, 3, 4, 5])
  })

  it('says since when an event waits that it cannot list yet', async () => {
    const seen = async () => (await listEvents(estate.db, org1, { limit: 1, order: 'asc' })).waitingSince
    assert.equal(await seen(), null)
    const before = await databaseNow(estate.db)
    const late = event('agent.created', { agentId: 'a-9', organizationId: 'org-9' })
    await estate.db.transaction().execute((transaction) => recordEvent(transaction, late))
    const since = (await seen()) ?? assert.fail()
    assert.ok(before <= since && since <= (await databaseNow(estate.db)))
    const chain = await estate.chain()
    await chain.poke()
    await chain.close()
    assert.equal(await seen(), null)
  })
})
