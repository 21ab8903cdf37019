import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Connection, connect } from '../../src/connection/connect.ts'
import { checkSchema } from '../../src/migrations/check.ts'
import { migrate } from '../../src/migrations/migrate.ts'
import { databaseMigrations } from '../../src/migrations/own.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/database.ts'
import { refused } from '../refused.ts'
import { sourceOf } from './folder.ts'

let database: TestDatabase
let owner: Connection<unknown>
let service: Connection<unknown>

before(async () => {
  database = await testDatabase()
  owner = connect(database.ownerUrl)
  service = connect(database.serviceUrl)
})
after(async () => {
  await Promise.all([owner.close(), service.close()])
  await database.drop()
})

test('each file is applied once, also when twenty processes migrate at the same moment', async (t) => {
  const files = { '0001-make.sql': 'CREATE TABLE counted (n int)', '0002-count.sql': 'INSERT INTO counted VALUES (1)' }
  const source = await sourceOf(t, files, 'twenty')
  const applied = await Promise.all(Array.from({ length: 20 }, () => migrate(database.ownerUrl, [source])))
  assert.deepEqual(applied.flat().sort(), ['twenty/0001-make', 'twenty/0002-count'])
  assert.deepEqual((await owner.pool.query('SELECT n FROM counted')).rows, [{ n: 1 }])
  assert.deepEqual(await migrate(database.ownerUrl, [source]), [])
})

test('a file that fails leaves no trace, and those before it stay', async (t) => {
  const files = { '0001-good.sql': 'CREATE TABLE good ()', '0002-bad.sql': 'CREATE TABLE half ();\nSELECT 1/0;' }
  const source = await sourceOf(t, files, 'failing')
  const error = await refused(migrate(database.ownerUrl, [source]), 'MIGRATION_FAILED')
  assert.deepEqual(error.facts, { package: 'failing', number: 2 })
  assert.match(error.message, /failing\/0002-bad.*division by zero/)
  const { rows } = await owner.pool.query("SELECT to_regclass('good') IS NOT NULL AS good, to_regclass('half') AS half")
  assert.deepEqual(rows, [{ good: true, half: null }])
})

test('an applied file that was edited is refused by migration and by check', async (t) => {
  await migrate(database.ownerUrl, [await sourceOf(t, { '0001-a.sql': 'SELECT 1' }, 'edited')])
  const edited = await sourceOf(t, { '0001-a.sql': 'SELECT 2' }, 'edited')
  await refused(migrate(database.ownerUrl, [edited]), 'MIGRATION_CHANGED')
  await refused(checkSchema(database.serviceUrl, [edited]), 'MIGRATION_CHANGED')
})

test('a newer schema is fine unless the newer release marked it as breaking', async (t) => {
  const old = await sourceOf(t, { '0001-a.sql': 'SELECT 1' }, 'newer')
  const compatible = { '0001-a.sql': 'SELECT 1', '0002-b.sql': 'SELECT 2' }
  await migrate(database.ownerUrl, [await sourceOf(t, compatible, 'newer')])
  assert.deepEqual(await migrate(database.ownerUrl, [old]), [])
  await checkSchema(database.serviceUrl, [old])

  await migrate(database.ownerUrl, [
    await sourceOf(t, { ...compatible, '0003-c.sql': '-- breaking\nSELECT 3' }, 'newer'),
  ])
  await refused(migrate(database.ownerUrl, [old]), 'SCHEMA_TOO_NEW')
  await refused(checkSchema(database.serviceUrl, [old]), 'SCHEMA_TOO_NEW')
  await checkSchema(database.serviceUrl, [databaseMigrations])
})

test('the service role can tell that the schema is too old, but cannot migrate it', async (t) => {
  const source = await sourceOf(t, { '0001-later.sql': 'CREATE TABLE later ()' }, 'old')
  const error = await refused(checkSchema(database.serviceUrl, [source]), 'SCHEMA_TOO_OLD')
  assert.match(error.message, /old\/0001-later/)
  await refused(migrate(database.serviceUrl, [source]), 'PERMISSION_DENIED')
  await migrate(database.ownerUrl, [source])
  await checkSchema(database.serviceUrl, [source])
})

test('the service may use new tables, and a file may limit that', async (t) => {
  const files = {
    '0001-tables.sql': `CREATE TABLE free (id int8 GENERATED ALWAYS AS IDENTITY, serial_too serial, note text);
      CREATE TABLE append_only (note text);
      SELECT limit_service('append_only', 'SELECT, INSERT');`,
  }
  await migrate(database.ownerUrl, [await sourceOf(t, files, 'privileges')])
  await service.pool.query("INSERT INTO free (note) VALUES ('a')")
  await service.pool.query("UPDATE free SET note = 'b'")
  await service.pool.query('DELETE FROM free')
  await service.pool.query("INSERT INTO append_only VALUES ('a')")
  for (const statement of [
    "UPDATE append_only SET note = 'b'",
    'DELETE FROM append_only',
    'TRUNCATE free',
    'DROP TABLE free',
  ]) {
    await assert.rejects(service.pool.query(statement), { code: '42501' }, statement)
  }
  await assert.rejects(service.pool.query('DELETE FROM migrations'), { code: '42501' })
})

test('one role for everything works: limits do not lock the owner out', async (t) => {
  const files = { '0001-only.sql': "CREATE TABLE only_mine (note text); SELECT limit_service('only_mine', 'SELECT')" }
  const source = await sourceOf(t, files, 'alone')
  await migrate(database.ownerUrl, [source], { serviceRole: 'rekey_owner' })
  await checkSchema(database.ownerUrl, [source])
  await owner.pool.query("INSERT INTO only_mine VALUES ('a')")
})

test('a service role that does not exist is no obstacle', async (t) => {
  const files = { '0001-only.sql': "CREATE TABLE nobodys (note text); SELECT limit_service('nobodys', 'SELECT')" }
  await migrate(database.ownerUrl, [await sourceOf(t, files, 'nobody')], { serviceRole: 'no_such_role' })
  await owner.pool.query("INSERT INTO nobodys VALUES ('a')")
})

test('a database that was never migrated is too old, and one that cannot be reached is unreachable', async () => {
  const bare = new URL(database.ownerUrl)
  bare.pathname = '/postgres'
  await refused(checkSchema(bare.href, [databaseMigrations]), 'SCHEMA_TOO_OLD')
  const dead = new URL(database.ownerUrl)
  dead.port = '1'
  await refused(migrate(dead.href, [databaseMigrations]), 'UNREACHABLE')
})
