import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Connection, connect } from '../../src/connection/connect.ts'
import { asDatabaseError } from '../../src/connection/translate.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/database.ts'
import { refused } from '../refused.ts'

const translated = (promise: Promise<unknown>) => promise.catch((error) => Promise.reject(asDatabaseError(error)))
const take = "UPDATE things SET holder = 'us' WHERE id = $1"

let database: TestDatabase
let connection: Connection<object>

before(async () => {
  database = await testDatabase()
  connection = connect(database.ownerUrl)
  await connection.pool.query('CREATE TABLE things (id int PRIMARY KEY, holder text)')
  await connection.pool.query('INSERT INTO things VALUES (1), (2)')
})
after(async () => {
  await connection.close()
  await database.drop()
})

test('every connection has its limits before it is handed out', async () => {
  const { rows } = await connection.pool.query(
    `SELECT current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('lock_timeout') AS lock,
            current_setting('tcp_user_timeout') AS unconfirmed`,
  )
  assert.deepEqual(rows, [{ idle: '3s', lock: '3s', unconfirmed: '5000' }])
})

test('who holds locks and does nothing loses them, and learns that the connection is gone', async () => {
  const idle = await connection.pool.connect()
  await idle.query('BEGIN')
  await idle.query(take, [1])
  const gone = new Promise<void>((resolve) => idle.once('end', () => resolve()))
  await gone
  assert.equal((await connection.pool.query(take, [1])).rowCount, 1)
  await refused(translated(idle.query('COMMIT')), 'UNREACHABLE')
  idle.release()
})

test('who waits for a lock that is held by somebody busy may try again', async () => {
  const busy = await connection.pool.connect()
  await busy.query('BEGIN')
  await busy.query(take, [2])
  const work = busy.query('SELECT pg_sleep(3.5)')
  const error = await refused(translated(connection.pool.query(take, [2])), 'TRY_AGAIN')
  assert.equal(error.facts.sqlState, '55P03')
  await work
  await busy.query('COMMIT')
  busy.release()
  assert.equal((await connection.pool.query(take, [2])).rowCount, 1)
})
