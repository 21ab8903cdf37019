import { migrate } from '@rekey/database'
import { type TestDatabase, testDatabase } from '@rekey/database/testing'
import { migrations } from '../src/migrations.ts'

/** A database with the tables of the backend for frontend. */
export async function bffDatabase(): Promise<TestDatabase> {
  const database = await testDatabase()
  await migrate(database.ownerUrl, migrations)
  return database
}
