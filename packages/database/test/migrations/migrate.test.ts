import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, type TestContext, test } from 'node:test'
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

test('a service role that is made later gets the same privileges and the same limits by the next call', async (t) => {
  const files = {
    '0001-tables.sql': `CREATE TABLE early (id serial, note text);
      CREATE TABLE early_append_only (note text);
      SELECT limit_service('early_append_only', 'SELECT, INSERT');`,
  }
  const source = await sourceOf(t, files, 'later-role')
  await migrate(database.ownerUrl, [source], { serviceRole: 'no_such_role' })
  const { role, url, connection } = await newRole(t)
  await assert.rejects(connection.pool.query('SELECT FROM early'), { code: '42501' })

  for (let call = 0; call < 2; call += 1) {
    assert.deepEqual(await migrate(database.ownerUrl, [source], { serviceRole: role }), [])
    await mayUse(connection, 'early')
    await mayOnlyAppend(connection, 'early_append_only')
    await mayUse(service, 'early')
    await mayOnlyAppend(service, 'early_append_only')
    await assert.rejects(connection.pool.query('DELETE FROM service_limits'), { code: '42501' })
  }
  await checkSchema(url, [source])
})

test('a limit holds for each service role, also for one that a later call does not name', async (t) => {
  const { role, connection } = await newRole(t)
  const first = { '0001-first.sql': 'CREATE TABLE shared_early (id serial, note text)' }
  await migrate(database.ownerUrl, [await sourceOf(t, first, 'two-roles')], { serviceRole: role })
  const second = {
    ...first,
    '0002-second.sql': `CREATE TABLE shared_append_only (note text);
      SELECT limit_service('shared_append_only', 'SELECT, INSERT');`,
  }
  await migrate(database.ownerUrl, [await sourceOf(t, second, 'two-roles')])
  for (const each of [connection, service]) {
    await mayUse(each, 'shared_early')
    await mayOnlyAppend(each, 'shared_append_only')
  }
})

test('a limit that somebody widened by hand is narrowed by the next call', async (t) => {
  const files = {
    '0001-a.sql': "CREATE TABLE tampered (note text); SELECT limit_service('tampered', 'SELECT, INSERT')",
  }
  const source = await sourceOf(t, files, 'widened')
  await migrate(database.ownerUrl, [source])
  await owner.pool.query('GRANT ALL ON tampered TO rekey_service')
  await service.pool.query('DELETE FROM tampered')
  await migrate(database.ownerUrl, [source])
  await mayOnlyAppend(service, 'tampered')
})

test('a table of somebody else in the schema is not opened to the service, and is no obstacle', async (t) => {
  const { role, connection } = await newRole(t)
  await owner.pool.query(`GRANT CREATE ON SCHEMA public TO "${role}"`)
  await connection.pool.query('CREATE TABLE foreign_table ()')
  await migrate(database.ownerUrl, [databaseMigrations])
  await assert.rejects(service.pool.query('SELECT FROM foreign_table'), { code: '42501' })
})

test('one role for everything works: limits do not lock the owner out', async (t) => {
  const files = { '0001-only.sql': "CREATE TABLE only_mine (note text); SELECT limit_service('only_mine', 'SELECT')" }
  const source = await sourceOf(t, files, 'alone')
  await migrate(database.ownerUrl, [source], { serviceRole: 'rekey_owner' })
  await checkSchema(database.ownerUrl, [source])
  await owner.pool.query("INSERT INTO only_mine VALUES ('a')")
  await migrate(database.ownerUrl, [source], { serviceRole: 'rekey_owner' })
  await owner.pool.query("UPDATE only_mine SET note = 'b'")
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

/** A role that may log in and nothing else, with a name that has to be quoted; gone after the test. */
async function newRole(t: TestContext) {
  const role = `Later ${randomBytes(6).toString('hex')}`
  const admin = connect(database.adminUrl)
  await admin.pool.query(`CREATE ROLE "${role}" LOGIN PASSWORD 'later'`)
  const url = new URL(database.ownerUrl)
  url.username = encodeURIComponent(role)
  url.password = 'later'
  const connection = connect(url.href)
  t.after(async () => {
    await connection.close()
    await admin.pool.query(`DROP OWNED BY "${role}"`)
    await admin.pool.query(`DROP ROLE "${role}"`)
    await admin.close()
  })
  return { role, url: url.href, connection }
}

async function mayUse({ pool }: Connection<unknown>, table: string): Promise<void> {
  await pool.query(`INSERT INTO ${table} (note) VALUES ('a')`)
  await pool.query(`UPDATE ${table} SET note = 'b'`)
  await pool.query(`DELETE FROM ${table}`)
  await assert.rejects(pool.query(`TRUNCATE ${table}`), { code: '42501' })
}

async function mayOnlyAppend({ pool }: Connection<unknown>, table: string): Promise<void> {
  await pool.query(`INSERT INTO ${table} VALUES ('a')`)
  await pool.query(`SELECT note FROM ${table}`)
  for (const statement of [`UPDATE ${table} SET note = 'b'`, `DELETE FROM ${table}`, `TRUNCATE ${table}`]) {
    await assert.rejects(pool.query(statement), { code: '42501' }, statement)
  }
}
