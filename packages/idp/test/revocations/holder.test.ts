import assert from 'node:assert/strict'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { type Connection, connect } from '@rekey/database'
import { type TestDatabase, testDatabase } from '@rekey/database/testing'
import { type Holder, journalHolder } from '../../src/revocations/holder.ts'
import type { IdpTables } from '../../src/tables.ts'

const none = { code: 'JOURNAL_FAILED', message: /another database/ }

describe('a journal of revocations', () => {
  const databases: TestDatabase[] = []
  const connections: Connection<IdpTables>[] = []
  let folder: string
  let path: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rekey-holder-'))
    for (const _ of ['original', 'copy']) {
      const database = await testDatabase()
      databases.push(database)
      // As an instance connects.
      connections.push(connect<IdpTables>(database.serviceUrl, { max: 1 }))
    }
  })
  after(async () => {
    for (const connection of connections) await connection.close()
    for (const database of databases) await database.drop()
    await rm(folder, { recursive: true })
  })
  beforeEach(async () => {
    path = join(folder, crypto.randomUUID(), 'revocations.jsonl.database')
  })

  /** Each of its own clock, which ticks faster than that of the wall. */
  const holderOf = (which: 0 | 1): Holder => {
    const connection = connections[which]
    assert.ok(connection)
    const began = Date.now()
    return journalHolder(path, connection.db, () => began + (Date.now() - began) * 20)
  }

  test('is shared by the instances of one database', async () => {
    const one = holderOf(0)
    await one.claim()
    await holderOf(0).claim()
    await one.beat()
    await holderOf(0).claim()
  })

  test('is refused to a copy of that database while instances of the original run', async () => {
    const original = holderOf(0)
    await original.claim()
    const beating = setInterval(() => void original.beat(), 20)
    await assert.rejects(holderOf(1).claim(), none)
    clearInterval(beating)
  })

  test('is left to the database that a backup was restored into as soon as the one before it is silent', async () => {
    await holderOf(0).claim()
    await holderOf(1).claim()
    await holderOf(1).claim()
    const again = holderOf(0)
    await again.claim()
    await again.beat()
  })

  test('is not waited for when nobody has said anything for long, or the clock was set back', async () => {
    await holderOf(0).claim()
    await writeFile(path, 'elsewhere')
    await utimes(path, new Date('2100-01-01'), new Date('2100-01-01'))
    await holderOf(0).claim()
  })
})
