import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import canonicalize from 'canonicalize'
import { listEvents } from '../../src/audit/list.ts'
import { openNote } from '../../src/audit/note.ts'
import { recordEventAs } from '../../src/audit/record.ts'
import { type AuditEstate, auditEstate, event, events, eventually, signer } from './estate.ts'

describe('the audit chain', () => {
  let estate: AuditEstate
  before(async () => {
    estate = await auditEstate()
  })
  after(() => estate.stop())

  const rows = async () => (await estate.service.pool.query('SELECT * FROM audit_chain ORDER BY seq')).rows

  it('gives every event its place within a second, without being asked', async () => {
    const chain = await estate.chain()
    await estate.record(events(3))
    const begun = performance.now()
    await eventually(
      () => chain.size(),
      (size) => size === 3,
    )
    assert.ok(performance.now() - begun < 1000)
    await chain.close()
  })

  it('hashes the canonical text of each event, which names the hash of the one before', async () => {
    let previous = '0'.repeat(64)
    for (const [i, row] of (await rows()).entries()) {
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
})
