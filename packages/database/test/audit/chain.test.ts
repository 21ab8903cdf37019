import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import canonicalize from 'canonicalize'
import { sql } from 'kysely'
import { listEvents } from '../../src/audit/list.ts'
import { openNote } from '../../src/audit/note.ts'
import { recordEventAs } from '../../src/audit/record.ts'
import { systemAfter } from '../../src/clock.ts'
import { eventually } from '../../src/testing/eventually.ts'
import { type AuditEstate, auditEstate, event, events, signer } from './estate.ts'

const anHourMs = 3_600_000

describe('the audit chain', () => {
  let estate: AuditEstate
  before(async () => {
    estate = await auditEstate()
  })
  after(() => estate.stop())

  const rows = async () => (await estate.service.pool.query('SELECT * FROM audit_chain ORDER BY seq')).rows

  it('gives every event its place, without being asked', async () => {
    const chain = await estate.chain()
    await estate.record(events(3))
    await eventually(
      () => chain.size(),
      (size) => size === 3,
    )
    await chain.close()
  })

  it('hashes the canonical text of each event, which names the hash of the one before', async () => {
    const chained = await rows()
    assert.equal(chained.length, 3)
    let previous = '0'.repeat(64)
    for (const [i, row] of chained.entries()) {
      const told = JSON.parse(row.text)
      assert.equal(canonicalize(told), row.text)
      assert.equal(row.hash.toString('hex'), hash('sha256', Buffer.from(`\0${row.text}`)))
      assert.deepEqual([told.seq, row.seq, told.previousHash, told.id], [i + 1, i + 1, previous, row.event_id])
      previous = row.hash.toString('hex')
    }
  })

  it('signs a checkpoint over all of it', async () => {
    const chain = await estate.chain()
    await estate.record([event('test.signed', { agentId: 'agent-1', organizationId: 'org-1' })])
    const verdict = await eventually(
      () => chain.verify(),
      ({ problems, size }) => size === 4 && problems.length === 0,
    )
    const { rows: notes } = await eventually(
      () => estate.service.pool.query('SELECT note FROM audit_checkpoints ORDER BY size DESC LIMIT 1'),
      ({ rows: [row] }) => openNote(row.note, signer.publicKey)?.size === 4,
    )
    const told = openNote(notes[0].note, signer.publicKey)
    assert.deepEqual([told?.root, told?.head], [verdict.root, (await rows()).at(-1).hash.toString('hex')])
    assert.deepEqual([verdict.verified, verdict.checkedCount, verdict.signer], [true, 4, signer.fingerprint])
    await chain.close()
  })

  it('takes an event that is delivered twice once', async () => {
    const chain = await estate.chain()
    const id = '11111111-1111-4111-8111-111111111111'
    for (const _ of [1, 2]) {
      await estate.db
        .transaction()
        .execute((transaction) => recordEventAs(transaction, id, 86_400_123, event('test.delivered')))
    }
    await chain.poke()
    const { events: found } = await listEvents(
      estate.db,
      { action: 'test.delivered', organization: 'default', withUnowned: true },
      { limit: 10, order: 'asc' },
    )
    assert.deepEqual(
      found.map(({ id, at }) => ({ id, at })),
      [{ id, at: '1970-01-02T00:00:00.123Z' }],
    )
    await chain.close()
  })

  const signedSize = async () =>
    (await estate.service.pool.query('SELECT max(size) AS size FROM audit_checkpoints')).rows[0].size
  const recorded = async () =>
    Number((await estate.service.pool.query('SELECT count(*) FROM audit_events')).rows[0].count)

  it('signs what happened last when it is closed, however lately it signed', async () => {
    const chain = await estate.chain({ everyMs: anHourMs })
    for (let i = 0; i < 3; i += 1) {
      await estate.record(events(1))
      await chain.poke()
    }
    await estate.record(events(1))
    await chain.close()
    assert.equal(await signedSize(), await recorded())
  })

  it('is closed without a signature when the database is away, or does not answer in time', async () => {
    const before = await signedSize()
    const away = await estate.chain({ everyMs: anHourMs })
    await estate.record(events(1))
    await estate.database.reachable(false)
    await away.poke()
    await away.close()
    await estate.database.reachable(true)
    assert.equal(await signedSize(), before)
    const after = (delayMs: number, act: () => void) => systemAfter(delayMs / 100, act)
    const slow = await estate.chain({ everyMs: anHourMs, after })
    await slow.poke()
    const signed = await signedSize()
    await estate.record(events(1))
    await estate.owner.db.transaction().execute(async (transaction) => {
      await sql`LOCK TABLE audit_chain`.execute(transaction)
      await slow.close()
      assert.equal(await signedSize(), signed)
    })
  })
})
