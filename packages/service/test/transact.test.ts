import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Connection, connect, type DatabaseTables } from '@rekey/database'
import { type TestDatabase, testDatabase } from '@rekey/database/testing'
import { sql } from 'kysely'
import { transact } from '../src/index.ts'

describe('a change', { timeout: 60_000 }, () => {
  let database: TestDatabase
  let connection: Connection<DatabaseTables>
  before(async () => {
    database = await testDatabase()
    connection = connect(database.ownerUrl)
    await sql`CREATE TABLE counted (n integer)`.execute(connection.db)
  })
  after(async () => {
    await connection.close()
    await database.drop()
  })

  /** Counts one, and fails so often before it is done. */
  function counting(times: number, sqlState: string) {
    let tries = 0
    const done = transact(connection.db, async (transaction) => {
      await sql`INSERT INTO counted VALUES (1)`.execute(transaction)
      tries += 1
      if (tries > times) return tries
      throw Object.assign(new Error('failed'), { code: sqlState, severity: 'ERROR' })
    })
    return { done, tries: () => tries }
  }
  const counted = async () => {
    const { rows } = await sql<{ n: number }>`DELETE FROM counted RETURNING n`.execute(connection.db)
    return rows.length
  }

  test('is made once more after a deadlock, and then it is made once', async () => {
    assert.equal(await counting(1, '40P01').done, 2)
    assert.equal(await counted(), 1)
  })

  test('is not made a third time', async () => {
    const { done, tries } = counting(2, '40P01')
    await assert.rejects(done)
    assert.deepEqual([tries(), await counted()], [2, 0])
  })

  test('is not made again for any other reason', async () => {
    const { done, tries } = counting(1, '23505')
    await assert.rejects(done)
    assert.deepEqual([tries(), await counted()], [1, 0])
  })
})
