import type { TestContext } from 'node:test'
import { testDatabase } from '@rekey/database/testing'
import { atEnd } from './at-end.ts'

export interface DatabaseUrls {
  ownerUrl: string
  serviceUrl: string
}

/** A migrated database of its own on the server of the whole run. */
export async function databaseOfRun(t: TestContext): Promise<DatabaseUrls> {
  const database = await testDatabase()
  atEnd(t, () => database.drop())
  return database
}
