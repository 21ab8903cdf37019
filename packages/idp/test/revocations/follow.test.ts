import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { type Connection, connect } from '@rekey/database'
import { type TestDatabase, testDatabase } from '@rekey/database/testing'
import { sql } from 'kysely'
import { revocationsJournal } from '../../src/revocations/journal.ts'
import { rowsSince } from '../../src/revocations/rows.ts'
import { type Segments, segmentsIn } from '../../src/revocations/segments.ts'
import type { IdpTables } from '../../src/tables.ts'

const keptMs = 30 * 86_400_000
let database: TestDatabase
let owner: Connection<IdpTables>
let service: Connection<IdpTables>
let folder: string
let segments: Segments
let errors: unknown[]
let place = 0

before(async () => {
  database = await testDatabase()
  owner = connect<IdpTables>(database.ownerUrl, { max: 4 })
  service = connect<IdpTables>(database.serviceUrl, { max: 2 })
  folder = await mkdtemp(join(tmpdir(), 'rekey-revocations-'))
})
after(async () => {
  await service.close()
  await owner.close()
  await database.drop()
  await rm(folder, { recursive: true })
})
beforeEach(() => {
  place += 1
  segments = segmentsIn(join(folder, String(place)))
  errors = []
})

const journalOf = (into = segments) =>
  revocationsJournal(service.db, into, keptMs, (error) => {
    errors.push(error)
  })

const suspend = (agent: string) => `INSERT INTO agents (agent_id, organization_id) VALUES ('${agent}', 'org');
  UPDATE agents SET status = 'suspended' WHERE agent_id = '${agent}'`

const run = (statement: string) => sql.raw(statement).execute(owner.db)

/** Keys of all lines: one that is written twice stands here twice. */
const keys = async () => (await segments.read()).map(({ key }) => key).sort()

/** A transaction that is open while something else happens. */
async function during(statement: string, act: (rollBack: () => Promise<unknown>) => Promise<void>): Promise<void> {
  const client = await owner.pool.connect()
  try {
    await client.query(`BEGIN; ${statement}`)
    await act(() => client.query('ROLLBACK; BEGIN'))
    await client.query('COMMIT')
  } finally {
    client.release()
  }
}

test('what a long transaction revoked is in the journal when it is committed, whatever was copied meanwhile', async () => {
  const journal = journalOf()
  // As if its trigger had run an hour ago.
  const long = `${suspend('long')}; UPDATE revocations SET at = at - interval '1 hour' WHERE key = 'long'`
  await during(long, async () => {
    await journal.reconcile(1)
    for (const agent of ['meanwhile', 'after']) {
      await run(suspend(agent))
      await journal.follow()
    }
    assert.deepEqual(await keys(), ['after', 'meanwhile'])
  })
  await journal.follow()
  assert.deepEqual(await keys(), ['after', 'long', 'meanwhile'])
})

test('a transaction of others that stays open costs nothing: each row is read once, and rolled back ones never', async () => {
  const journal = journalOf()
  await journal.reconcile(1)
  const earlier = await keys()
  await during('CREATE TEMP TABLE foreign_to_us (n int); INSERT INTO foreign_to_us VALUES (1)', async () => {
    for (const agent of ['first', 'second']) {
      await during(`SAVEPOINT s; ${suspend(agent)}; RELEASE s`, async () => journal.follow())
      await during(suspend(`never-${agent}`), async (rollBack) => void (await rollBack()))
      await journal.follow()
    }
    const { rows } = await sql<{ seen: string }>`SELECT pg_current_snapshot()::text AS seen`.execute(service.db)
    assert.deepEqual((await rowsSince(service.db, rows[0]?.seen ?? ''))?.rows, [])
  })
  assert.deepEqual(await keys(), [...earlier, 'first', 'second'].sort())
})

test('what could not be written is so when the disk has room again', async () => {
  let isFull = false
  const journal = journalOf({
    ...segments,
    async append(rows) {
      if (isFull) throw new Error('no space left')
      await segments.append(rows)
    },
  })
  await journal.reconcile(1)
  isFull = true
  await run(suspend('full'))
  await journal.follow()
  assert.equal(errors.length, 1)
  isFull = false
  await run(suspend('room'))
  await journal.follow()
  const news = (await keys()).filter((key) => key === 'full' || key === 'room')
  assert.deepEqual(news, ['full', 'room'])
})

test('rows of another cluster, whose transactions are yet to come here, are copied once and not again and again', async () => {
  await run(`INSERT INTO revocations (kind, key, state, written_in) VALUES ('agent', 'elsewhere', '{}', '900000000')`)
  const journal = journalOf()
  await journal.reconcile(1)
  await journal.follow()
  await run(suspend('here'))
  await journal.follow()
  assert.deepEqual(
    (await keys()).filter((key) => key === 'elsewhere' || key === 'here'),
    ['elsewhere', 'here'],
  )
})

test('where the numbers of transactions went back, as by a standby that took over, the whole is read again', async () => {
  assert.equal(await rowsSince(service.db, '900000000:900000001:'), undefined)
  const { rows } = await sql<{ n: string }>`SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS n`.execute(
    service.db,
  )
  assert.ok(await rowsSince(service.db, `${rows[0]?.n}:${rows[0]?.n}:`))
})

test('news are found by an index, however many rows there are', async () => {
  await run(`INSERT INTO revocations (kind, key, state, at)
    SELECT 'agent', 'many', '{}', now() - interval '40 days' FROM generate_series(1, 20000); ANALYZE revocations`)
  const { rows } = await sql<{ 'QUERY PLAN': string }>`
    EXPLAIN SELECT 1 FROM revocations
    WHERE (written_in >= pg_snapshot_xmax(pg_current_snapshot())
      OR written_in = ANY (ARRAY(SELECT pg_snapshot_xip(pg_current_snapshot()))))`.execute(service.db)
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
  assert.match(plan, /revocations_written_in/)
  assert.doesNotMatch(plan, /Seq Scan/)
})
