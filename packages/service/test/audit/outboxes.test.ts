import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Connection, connect, type DatabaseTables } from '@rekey/database'
import { type TestDatabase, testDatabase } from '@rekey/database/testing'
import { outboxOf } from '@rekey/keyring'
import { changedIn } from '@rekey/keyring/testing'
import { drainOutboxes } from '../../src/index.ts'

describe('changes of keyrings that are kept in folders', { timeout: 60_000 }, () => {
  let database: TestDatabase
  let connection: Connection<DatabaseTables>
  let root: string

  before(async () => {
    database = await testDatabase()
    connection = connect(database.serviceUrl)
    root = await mkdtemp(join(tmpdir(), 'rekey-outboxes-'))
  })
  after(async () => {
    await connection.close()
    await database.drop()
    await rm(root, { recursive: true })
  })

  /** @returns a folder with a keyring whose changes are told by that name */
  async function changed(name: string, times: number): Promise<string> {
    const folder = join(root, name)
    await changedIn(folder, `test.${name}`, times)
    return folder
  }

  const written = (action: string) =>
    connection.db.selectFrom('audit_events').selectAll().where('action', '=', action).orderBy('inserted').execute()

  test('are written once, whoever writes them and however often', async () => {
    const folder = await changed('often', 5)
    const entries = await outboxOf(folder).pending()
    const drain = () => drainOutboxes(connection.db, [folder])
    await Promise.all([drain(), drain(), drain()])
    // As if whoever wrote them had died before he could say so.
    await rm(join(folder, 'elsewhere', 'delivered'), { recursive: true })
    assert.deepEqual(await outboxOf(folder).pending(), entries)
    await drain()
    const events = await written('test.often')
    assert.deepEqual(events.map(({ id }) => id).toSorted(), entries.map(({ id }) => id).toSorted())
  })

  test('wait in their folder while the database is away', async () => {
    const folder = await changed('waiting', 2)
    await database.reachable(false)
    await assert.rejects(drainOutboxes(connection.db, [folder]))
    await database.reachable(true)
    assert.equal((await outboxOf(folder).pending()).length, 2)
    await drainOutboxes(connection.db, [folder])
    assert.equal((await written('test.waiting')).length, 2)
  })

  test('are not kept back by a folder that is damaged', async () => {
    const damaged = await changed('damaged', 1)
    await writeFile(join(damaged, 'elsewhere', '000000000002.json'), '{')
    const sound = await changed('sound', 1)
    await assert.rejects(drainOutboxes(connection.db, [damaged, sound]), AggregateError)
    assert.equal((await written('test.sound')).length, 1)
  })
})
