import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { sql } from 'kysely'
import { type Connection, type ConnectOptions, connect, type Pool } from '../../src/connection/connect.ts'
import { asDatabaseError } from '../../src/connection/translate.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/database.ts'
import { proxyFor, type Proxy as Wire } from '../../src/testing/proxy.ts'
import { refused } from '../refused.ts'

const queryDeadlineMs = 400
const translated = (promise: Promise<unknown>) => promise.catch((error) => Promise.reject(asDatabaseError(error)))
const pidOf = async (pool: Pool): Promise<number> =>
  (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid as number

let database: TestDatabase
before(async () => {
  database = await testDatabase()
})
after(() => database.drop())

/** A pool that reaches PostgreSQL over a wire that can be damaged. */
async function wired(t: TestContext, options: ConnectOptions = {}): Promise<Connection<object> & { wire: Wire }> {
  const wire = await proxyFor(database.serviceUrl)
  const connection = connect<object>(wire.url, { queryDeadlineMs, ...options })
  t.after(async () => {
    await connection.close()
    wire.close()
  })
  return { ...connection, wire }
}

/** Opens so many connections, and leaves them idle. */
async function fill(pool: Pool, connections: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: connections }, () => pool.connect()))
  for (const client of clients) client.release()
  assert.equal(pool.idleCount, connections)
}

test('when all connections go silent, queries under way end at their deadline and the next ones succeed at once', async (t) => {
  const lost: unknown[] = []
  const { pool, db, wire } = await wired(t, { max: 4, onConnectionLost: (error) => lost.push(error) })
  await fill(pool, 4)
  wire.freeze()
  const start = performance.now()
  await Promise.all([
    refused(translated(pool.query('SELECT 1')), 'UNREACHABLE'),
    refused(translated(sql`SELECT 1`.execute(db)), 'UNREACHABLE'),
  ])
  const endedAfterMs = performance.now() - start
  assert.ok(endedAfterMs >= queryDeadlineMs - 5 && endedAfterMs < 2 * queryDeadlineMs, `${endedAfterMs} ms`)
  assert.equal(lost.length, 4, 'the idle ones are gone as well')
  for (const error of lost) assert.equal((error as { code?: string }).code, 'UNREACHABLE')

  const again = performance.now()
  for (let query = 0; query < 6; query += 1) await sql`SELECT 1`.execute(db)
  assert.ok(performance.now() - again < queryDeadlineMs)
})

test('a transaction whose connection goes silent between two statements fails, and is not put back into the pool', async (t) => {
  const { pool, db, wire } = await wired(t, { max: 1 })
  const transaction = db.transaction().execute(async (transaction) => {
    await sql`SELECT 1`.execute(transaction)
    wire.freeze()
    await sql`SELECT 2`.execute(transaction)
  })
  await refused(translated(transaction), 'UNREACHABLE')
  assert.deepEqual((await pool.query('SELECT 3 AS n')).rows, [{ n: 3 }])
})

test('a query that asks for a callback has the deadline too', async (t) => {
  const { pool, wire } = await wired(t, { max: 1 })
  const client = await pool.connect()
  const answer = await new Promise((resolve) =>
    client.query('SELECT $1::int AS n', [4], (_error, { rows }) => resolve(rows)),
  )
  assert.deepEqual(answer, [{ n: 4 }])
  wire.freeze()
  const failed = new Promise((_resolve, reject) => client.query('SELECT 1', reject))
  await refused(translated(failed), 'UNREACHABLE')
  client.release()
  assert.equal(pool.totalCount, 0)
})

test('a slow statement loses its own connection and leaves the sound ones alone', async (t) => {
  const { pool } = await wired(t, { max: 2 })
  await fill(pool, 2)
  const slow = refused(translated(pool.query('SELECT pg_sleep(1)')), 'UNREACHABLE')
  const sound = await pidOf(pool)
  await slow
  assert.equal(pool.totalCount, 1)
  assert.equal(await pidOf(pool), sound)
})

test('an answer that came while the process stood still counts', async (t) => {
  // Not over the wire, which is of this process.
  const { pool, close } = connect(database.serviceUrl, { queryDeadlineMs, max: 1 })
  t.after(close)
  const client = await pool.connect()
  const answer = client.query('SELECT 5 AS n')
  const sent = new Promise<void>((resolve) => setImmediate(resolve))
  await sent
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, queryDeadlineMs + 100)
  assert.deepEqual((await answer).rows, [{ n: 5 }])
  client.release()
})
