import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect } from '../../src/connection/connect.ts'
import { asDatabaseError } from '../../src/connection/translate.ts'
import { testDatabase } from '../../src/testing/database.ts'
import { freePort } from '../../src/testing/port.ts'
import { refused } from '../refused.ts'

const translated = (promise: Promise<unknown>) => promise.catch((error) => Promise.reject(asDatabaseError(error)))

test('failures of the database and of the way to it are told apart', async (t) => {
  const database = await testDatabase()
  const owner = connect(database.ownerUrl)
  const service = connect(database.serviceUrl)
  t.after(async () => {
    await Promise.all([owner.close(), service.close()])
    await database.drop()
  })

  await t.test('a port on which nobody listens is unreachable', async () => {
    const port = await freePort()
    const { pool } = connect(`postgres://u:secret-word@127.0.0.1:${port}/d`)
    const error = await refused(translated(pool.query('SELECT 1')), 'UNREACHABLE')
    assert.equal(error.facts.port, port)
    assert.doesNotMatch(error.message, /secret-word/)
  })
  await t.test('a host that has no address is unreachable', async () => {
    const { pool } = connect('postgres://u:p@database.invalid/d')
    await refused(translated(pool.query('SELECT 1')), 'UNREACHABLE')
  })
  await t.test('a wrong password is an authentication failure', async () => {
    const url = new URL(database.ownerUrl)
    url.password = 'wrong'
    await refused(translated(connect(url.href).pool.query('SELECT 1')), 'AUTHENTICATION_FAILED')
  })
  await t.test('a database that does not exist is missing', async () => {
    const url = new URL(database.ownerUrl)
    url.pathname = '/no_such_database'
    await refused(translated(connect(url.href).pool.query('SELECT 1')), 'DATABASE_MISSING')
  })
  await t.test('a database that takes no connections for now is unreachable', async () => {
    await database.reachable(false)
    await refused(translated(connect(database.ownerUrl).pool.query('SELECT 1')), 'UNREACHABLE')
    await database.reachable(true)
  })
  await t.test('a unique violation names the constraint and no value of the row', async () => {
    await owner.pool.query('CREATE TABLE once (id text PRIMARY KEY)')
    const insert = () => owner.pool.query("INSERT INTO once VALUES ('a-secret-value')")
    await insert()
    const error = await refused(translated(insert()), 'UNIQUE_VIOLATION')
    assert.equal(error.facts.constraint, 'once_pkey')
    assert.doesNotMatch(error.message + JSON.stringify(error.facts), /a-secret-value/)
  })
  await t.test('a service that oversteps its privileges is denied', async () => {
    await refused(translated(service.pool.query('DROP TABLE once')), 'PERMISSION_DENIED')
  })
  await t.test('a connection that only takes reads is read-only', async () => {
    const client = await owner.pool.connect()
    await client.query('BEGIN READ ONLY')
    await refused(translated(client.query("INSERT INTO once VALUES ('b')")), 'READ_ONLY')
    await client.query('ROLLBACK')
    client.release()
  })
  await t.test('a statement ended by the server is unreachable', async () => {
    const other = connect(database.ownerUrl, { max: 1, applicationName: 'victim' })
    const sleeping = refused(translated(other.pool.query('SELECT pg_sleep(60)')), 'UNREACHABLE')
    const terminate = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'victim' AND state = 'active' AND datname = current_database()`
    while ((await owner.pool.query(terminate)).rowCount === 0);
    await sleeping
    await other.close()
  })
  await t.test('a wrong statement comes back as it was', async () => {
    await assert.rejects(translated(owner.pool.query('SELEC 1')), { code: '42601', name: 'error' })
  })
})

test('what is no failure of a database comes back as it was', () => {
  const bug = new TypeError('undefined is not a function')
  assert.equal(asDatabaseError(bug), bug)
  assert.equal(asDatabaseError(undefined), undefined)
})
