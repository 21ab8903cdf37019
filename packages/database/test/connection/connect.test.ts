import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ColumnType } from 'kysely'
import { type Connection, connect } from '../../src/connection/connect.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/database.ts'
import { refused } from '../refused.ts'

interface Tables {
  sample: { id: number; at: ColumnType<number, Date, Date> }
}

let database: TestDatabase
let connection: Connection<Tables>

before(async () => {
  database = await testDatabase()
  connection = connect<Tables>(database.ownerUrl)
  await connection.pool.query('CREATE TABLE sample (id int8, at timestamptz)')
})
after(async () => {
  await connection.close()
  await database.drop()
})

test('a timestamptz is written as a Date and comes back as epoch milliseconds, in any time zone', async () => {
  const at = Date.UTC(2026, 10, 21, 5, 6, 7, 89)
  await connection.db
    .insertInto('sample')
    .values({ id: 1, at: new Date(at) })
    .execute()
  assert.deepEqual(await connection.db.selectFrom('sample').selectAll().execute(), [{ id: 1, at }])
  const client = await connection.pool.connect()
  await client.query("SET timezone = 'Asia/Kathmandu'")
  assert.deepEqual((await client.query('SELECT at FROM sample')).rows, [{ at }])
  client.release(true)
})

test('int8, counts and their arrays come back as numbers', async () => {
  const { rows } = await connection.pool.query(
    "SELECT count(*) AS count, '{1,2}'::int8[] AS list, ARRAY['epoch'::timestamptz] AS times, 'infinity'::timestamptz AS never",
  )
  assert.deepEqual(rows, [{ count: 1, list: [1, 2], times: [0], never: Infinity }])
})

test('an int8 that no number holds exactly is refused instead of rounded', async () => {
  assert.deepEqual((await connection.pool.query('SELECT 9007199254740991::int8 AS n')).rows, [{ n: 2 ** 53 - 1 }])
  await refused(connection.pool.query('SELECT 9007199254740993::int8 AS n'), 'UNSAFE_INTEGER')
  assert.deepEqual((await connection.pool.query('SELECT 1 AS n')).rows, [{ n: 1 }])
})

test('a date and a time without zone stay text: they name no instant', async () => {
  const { rows } = await connection.pool.query("SELECT '2026-11-21'::date AS d, '2026-11-21 05:06'::timestamp AS t")
  assert.deepEqual(rows, [{ d: '2026-11-21', t: '2026-11-21 05:06:00' }])
})

test('what is not the URL of a database is refused without being quoted', async () => {
  for (const url of ['', 'rekey', 'mysql://u:secret-word@h/d']) {
    const error = await refused((async () => connect(url))(), 'INVALID_URL')
    assert.doesNotMatch(error.message, /secret-word/)
  }
})

test('a connection that breaks between two statements of a transaction ends neither the process nor the pool', async () => {
  const lost = Promise.withResolvers<unknown>()
  const other = connect(database.ownerUrl, { max: 1, onConnectionLost: lost.resolve })
  const client = await other.pool.connect()
  await client.query('BEGIN')
  const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
  const ended = new Promise<void>((resolve) => client.once('end', () => resolve()))
  await connection.pool.query('SELECT pg_terminate_backend($1)', [rows[0].pid])
  await ended
  assert.equal(((await lost.promise) as { code?: string }).code, 'UNREACHABLE')
  client.release(true)
  assert.deepEqual((await other.pool.query('SELECT 1 AS n')).rows, [{ n: 1 }])
  await other.close()
})
