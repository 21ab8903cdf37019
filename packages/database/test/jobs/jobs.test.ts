import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { sql } from 'kysely'
import { type Connection, connect } from '../../src/connection/connect.ts'
import { type Jobs, type JobsOptions, openJobs } from '../../src/jobs/open.ts'
import type { Job } from '../../src/jobs/queue.ts'
import type { DatabaseTables } from '../../src/tables.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/database.ts'
import { eventually } from '../../src/testing/eventually.ts'
import { proxyFor } from '../../src/testing/proxy.ts'

const everyMs = 20
const options = { expireInSeconds: 60 }

interface Note {
  note: string
}

describe('jobs', () => {
  let database: TestDatabase
  let connection: Connection<DatabaseTables>
  const faults: unknown[] = []
  const opened: Jobs[] = []
  before(async () => {
    database = await testDatabase()
    connection = connect(database.serviceUrl)
  })
  after(async () => {
    await Promise.all(opened.map((jobs) => jobs.close()))
    await connection.close()
    await database.drop()
    assert.deepEqual(faults, [])
  })

  async function open(given: Partial<JobsOptions> = {}): Promise<Jobs> {
    const jobs = await openJobs(connection.pool, {
      enabled: () => true,
      onError: (error) => faults.push(error),
      ...given,
    })
    opened.push(jobs)
    return jobs
  }

  /** Works on a queue by keeping what it was given. */
  function keeping(): { notes: string[]; act: (jobs: readonly Job<Note>[]) => Promise<void> } {
    const notes: string[] = []
    return { notes, act: async (jobs) => void notes.push(...jobs.map(({ data }) => data.note)) }
  }

  it('are done once, by whichever instance takes them, which owns none of their tables', async () => {
    const all = await Promise.all([open(), open(), open()])
    const done = keeping()
    const notes = Array.from({ length: 50 }, (_, index) => String(index).padStart(2, '0'))
    for (const jobs of all) jobs.work(await jobs.queue<Note>('shared', options), { batchSize: 3, everyMs }, done.act)
    const [jobs] = all
    const queue = await jobs?.queue<Note>('shared', options)
    await queue?.insert(notes.map((note) => ({ data: { note } })))
    await eventually(
      () => done.notes.length,
      (count) => count >= notes.length,
    )
    assert.deepEqual(done.notes.toSorted(), notes)
  })

  it('are there when the transaction is, and not without it', async () => {
    const queue = await (await open()).queue<Note>('with-transaction', options)
    const insert = (note: string, refuse: boolean) =>
      connection.db.transaction().execute(async (transaction) => {
        await queue.insert([{ data: { note } }], transaction)
        if (refuse) throw new Error('rolled back')
      })
    await assert.rejects(insert('gone', true), /rolled back/)
    await insert('there', false)
    assert.deepEqual(
      (await queue.take(10)).map(({ data }) => data.note),
      ['there'],
    )
  })

  it('wait for their time, and may be left out by their groups', async () => {
    const queue = await (await open()).queue<Note>('later', options)
    await queue.insert([
      { data: { note: 'much later' }, startAfter: new Date(Date.now() + 3_600_000) },
      { data: { note: 'slow' }, group: 'slow' },
      { data: { note: 'quick' }, group: 'quick' },
    ])
    assert.deepEqual(
      (await queue.take(10, ['slow'])).map(({ data }) => data.note),
      ['quick'],
    )
    assert.deepEqual(
      (await queue.take(10)).map(({ data }) => data.note),
      ['slow'],
    )
  })

  it('are not begun while the instance may not act', async () => {
    let enabled = false
    const jobs = await open({ enabled: () => enabled })
    const done = keeping()
    const queue = await jobs.queue<Note>('leased', options)
    await queue.insert([{ data: { note: 'late' } }])
    jobs.work(queue, { everyMs }, done.act)
    const other = await jobs.queue<Note>('leased-other', options)
    // Some turns of the worker, told by another queue's statements.
    for (let turn = 0; turn < 5; turn += 1) await other.take(1)
    assert.deepEqual(done.notes, [])
    enabled = true
    await eventually(
      () => done.notes,
      (notes) => notes.length === 1,
    )
  })

  it('are done again where the worker threw', async () => {
    const thrown: unknown[] = []
    const jobs = await open({ onError: (error) => thrown.push(error) })
    const queue = await jobs.queue<Note>('throwing', options)
    await queue.insert([{ data: { note: 'twice' } }])
    let tries = 0
    jobs.work(queue, { everyMs }, async () => {
      tries += 1
      if (tries === 1) throw new Error('not yet')
    })
    await eventually(
      () => tries,
      (count) => count === 2,
    )
    assert.equal(String(thrown), 'Error: not yet')
  })

  it('are done again where the worker went without a word, and whoever had them first ends nothing any more', async () => {
    const jobs = await open({ superviseSeconds: 1 })
    const queue = await jobs.queue<Note>('left-behind', { expireInSeconds: 1 })
    await queue.insert([{ data: { note: 'again' } }])
    const [first] = await queue.take(1)
    const [second] = await eventually(
      () => queue.take(1),
      (taken) => taken.length === 1,
    )
    assert.ok(first && second)
    assert.equal(second.id, first.id)
    await queue.complete([first])
    assert.equal(await stateOf(second.id), 'active')
    await queue.complete([second])
    assert.equal(await stateOf(second.id), 'completed')
  })

  async function stateOf(id: string): Promise<string | undefined> {
    const { rows } = await sql<{ state: string }>`SELECT state::text FROM pgboss.job WHERE id = ${id}`.execute(
      connection.db,
    )
    return rows[0]?.state
  }

  it('are ended in order: what is under way is waited for, and told that it is to end', async () => {
    const jobs = await open()
    const queue = await jobs.queue<Note>('ending', options)
    await queue.insert([{ data: { note: 'under way' } }])
    const begun = Promise.withResolvers<void>()
    let ended = false
    jobs.work(queue, { everyMs }, async (_jobs, signal) => {
      begun.resolve()
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      ended = true
    })
    await begun.promise
    await jobs.close()
    assert.equal(ended, true)
    const { rows } = await sql`SELECT FROM pgboss.job WHERE name = 'ending' AND state <> 'completed'`.execute(
      connection.db,
    )
    assert.equal(rows.length, 0)
  })

  it('by the clock are put in once, and a changed time replaces the one before', async () => {
    const [one, other] = await Promise.all([open(), open()])
    for (const cron of ['0 3 * * *', '0 * * * *'])
      for (const jobs of [one, other]) await jobs.schedule(await jobs.queue('hourly', options), cron)
    const { rows } = await sql`SELECT cron FROM pgboss.schedule WHERE name = 'hourly'`.execute(connection.db)
    assert.deepEqual(rows, [{ cron: '0 * * * *' }])
  })

  it('leave no connection behind within a transaction that nobody ends', async () => {
    const alone = connect<DatabaseTables>(database.serviceUrl, { max: 1 })
    const jobs = await openJobs(alone.pool, { enabled: () => true, onError: () => undefined })
    await assert.rejects(jobs.queue('nameless', { expireInSeconds: 0 }))
    await assert.rejects(jobs.queue('long', { expireInSeconds: 2 ** 40 }))
    assert.equal((await sql`SELECT 1 AS one`.execute(alone.db)).rows.length, 1)
    await jobs.close()
    await alone.close()
  })

  it('do not wait for a database for longer than any other query, and go on when it is back', async (t) => {
    const proxy = await proxyFor(database.serviceUrl)
    const away = connect<DatabaseTables>(proxy.url, { queryDeadlineMs: 300 })
    const heard: unknown[] = []
    const jobs = await openJobs(away.pool, { enabled: () => true, onError: (error) => heard.push(error) })
    t.after(async () => {
      await jobs.close()
      await away.close()
      proxy.close()
    })
    const queue = await jobs.queue<Note>('unreachable', options)
    const done = keeping()
    jobs.work(queue, { everyMs }, done.act)
    proxy.freeze()
    await eventually(
      () => heard,
      (errors) => errors.some((error) => (error as { code?: string }).code === 'UNREACHABLE'),
    )
    // Of the connections that are frozen some may be left in the pool: who meets one is refused, and asks again.
    const insert = () => queue.insert([{ data: { note: 'back' } }])
    await eventually(
      () =>
        insert().then(
          () => true,
          () => false,
        ),
      (isInserted) => isInserted,
    )
    await eventually(
      () => done.notes,
      (notes) => notes.includes('back'),
    )
  })

  it('need tables that the migrations made: without them nothing is opened', async (t) => {
    const other = await testDatabase()
    const without = connect<DatabaseTables>(other.ownerUrl)
    t.after(async () => {
      await without.close()
      await other.drop()
    })
    await sql`DROP SCHEMA pgboss CASCADE`.execute(without.db)
    await assert.rejects(openJobs(without.pool, { enabled: () => true, onError: () => undefined }), {
      message: /pg-boss is not installed/,
    })
  })
})
