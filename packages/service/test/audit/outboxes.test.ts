import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Connection, connect, type DatabaseTables } from '@rekey/database'
import { type TestDatabase, testDatabase } from '@rekey/database/testing'
import { changeKeyring, defaultPolicy, directoryStore, newKeyring, outboxOf } from '@rekey/keyring'
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

  /** A store with one keyring that was changed so many times. */
  async function store(name: string, changes: number) {
    const folder = join(root, name)
    let now = Date.UTC(2026, 0, 1)
    const kept = directoryStore(folder, () => now)
    const about = (n: number) => ({ action: `test.${name}`, actor: 'somebody', details: { n } })
    await kept.save(undefined, newKeyring('elsewhere', 'shared-secret', 'HS256', defaultPolicy), about(1))
    for (let n = 2; n <= changes; n += 1) {
      now += 1_000
      await changeKeyring(
        kept,
        'elsewhere',
        (keyring) => ({ ...keyring, policy: { ...keyring.policy, skewMs: n } }),
        about(n),
      )
    }
    return folder
  }

  const written = (action: string) =>
    connection.db.selectFrom('audit_events').selectAll().where('action', '=', action).orderBy('inserted').execute()

  test('are written once, whoever writes them and however often', async () => {
    const folder = await store('often', 5)
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
    const folder = await store('waiting', 2)
    await database.reachable(false)
    await assert.rejects(drainOutboxes(connection.db, [folder]))
    await database.reachable(true)
    assert.equal((await outboxOf(folder).pending()).length, 2)
    await drainOutboxes(connection.db, [folder])
    assert.equal((await written('test.waiting')).length, 2)
  })

  test('are not kept back by a folder that is damaged', async () => {
    const damaged = await store('damaged', 1)
    await writeFile(join(damaged, 'elsewhere', '000000000002.json'), '{')
    const sound = await store('sound', 1)
    await assert.rejects(drainOutboxes(connection.db, [damaged, sound]), AggregateError)
    assert.equal((await written('test.sound')).length, 1)
  })
})
