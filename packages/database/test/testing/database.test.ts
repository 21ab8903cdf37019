import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { connect } from '../../src/connection/connect.ts'
import { testDatabase } from '../../src/testing/database.ts'

test('every test database is a migrated copy of its own', async () => {
  const [one, other] = await Promise.all([testDatabase(), testDatabase()])
  after(async () => {
    await Promise.all([one.drop(), other.drop()])
  })
  const first = connect<{ note: { text: string }; migrations: { package: string } }>(one.ownerUrl)
  const second = connect<{ note: { text: string }; migrations: { package: string } }>(other.ownerUrl)
  await first.db.schema.createTable('note').addColumn('text', 'text').execute()
  assert.ok((await second.db.selectFrom('migrations').selectAll().execute()).length > 0)
  await assert.rejects(second.db.selectFrom('note').selectAll().execute(), /does not exist/)
  await first.close()
  await second.close()
})

test('a dropped database is gone, also when something is still connected', async () => {
  const database = await testDatabase()
  const connection = connect(database.serviceUrl)
  await connection.pool.query('SELECT 1')
  await database.drop()
  const again = connect(database.ownerUrl)
  await assert.rejects(again.pool.query('SELECT 1'))
  await connection.close()
  await again.close()
})
