import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { after, before, it } from 'node:test'
import { openChain } from '../../src/audit/chain.ts'
import { verifyDatabase } from '../../src/audit/verify/database.ts'
import { type Connection, connect } from '../../src/connection/connect.ts'
import { migrate } from '../../src/migrations/migrate.ts'
import { databaseMigrations } from '../../src/migrations/own.ts'
import type { DatabaseTables } from '../../src/tables.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/database.ts'
import { sourceOf } from '../migrations/folder.ts'
import { signer } from './estate.ts'

let database: TestDatabase
let owner: Connection<DatabaseTables>
let service: Connection<DatabaseTables>
before(async () => {
  database = await testDatabase()
  owner = connect(database.ownerUrl, { max: 2 })
  service = connect(database.serviceUrl, { max: 2 })
})
after(async () => {
  await Promise.all([owner.close(), service.close()])
  await database.drop()
})

it('what was recorded before there was a chain gets its place in it, in the order in which it was recorded', async (t) => {
  await owner.pool.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public')
  const names = (await readdir(databaseMigrations.folder)).filter((name) => name < '0005')
  const files = await Promise.all(
    names.map(async (name) => [name, await readFile(new URL(name, databaseMigrations.folder), 'utf8')] as const),
  )
  await migrate(database.ownerUrl, [await sourceOf(t, Object.fromEntries(files), 'database')])
  await service.pool.query(`INSERT INTO audit_events (at, action, outcome, actor, details)
    SELECT '2026-03-31 12:00:00.123789Z', 'test.early', 'success', 'ops', jsonb_build_object('n', n) FROM generate_series(1, 2500) n`)
  await migrate(database.ownerUrl, [databaseMigrations])

  const chain = await openChain(service.db, { signer })
  const { verified, size, problems } = await chain.verify()
  await chain.close()
  assert.deepEqual({ verified, size, problems }, { verified: true, size: 2500, problems: [] })
  const { rows } = await service.pool.query('SELECT text FROM audit_chain ORDER BY seq')
  assert.deepEqual(
    rows.map(({ text }) => JSON.parse(text).details.n),
    Array.from({ length: 2500 }, (_, i) => i + 1),
  )
  assert.equal((await verifyDatabase(owner.db, { publicKey: signer.publicKey })).verified, true)
})
