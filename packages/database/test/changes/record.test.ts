import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { beginEpoch, beginEpochOnClaim, currentRevision, recordChange } from '../../src/changes/record.ts'
import { changesSince, pruneChanges } from '../../src/changes/since.ts'
import { type Connection, connect } from '../../src/connection/connect.ts'
import { pruneInstances } from '../../src/instances/row.ts'
import type { DatabaseTables } from '../../src/tables.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/database.ts'

describe('the changes of a database', () => {
  let database: TestDatabase
  let connection: Connection<DatabaseTables>
  let start = 0
  before(async () => {
    database = await testDatabase()
    connection = connect(database.serviceUrl)
  })
  after(async () => {
    await connection.close()
    await database.drop()
  })
  beforeEach(async () => {
    start = (await currentRevision(connection.db)).n
  })

  const record = (key: string) =>
    connection.db.transaction().execute((transaction) => recordChange(transaction, 'test', key))

  it('are numbered one after the other, and told in that order', async () => {
    assert.deepEqual([await record('a'), await record('b')], [start + 1, start + 2])
    assert.deepEqual(await changesSince(connection.db, start), [
      { revision: start + 1, topic: 'test', key: 'a' },
      { revision: start + 2, topic: 'test', key: 'b' },
    ])
    assert.deepEqual(await changesSince(connection.db, start + 2), [])
    assert.equal((await currentRevision(connection.db)).n, start + 2)
  })

  it('tell the audit in the same statement: there is neither without the other', async () => {
    const event = {
      action: 'test.changed',
      outcome: 'success',
      actor: "o'brien",
      agentId: 'a',
      details: { is: [1] },
    } as const
    const change = connection.db.transaction()
    await change.execute((transaction) => recordChange(transaction, 'test', 'told', event))
    const failing = change.execute(async (transaction) => {
      await recordChange(transaction, 'test', 'told', event)
      throw new Error('rolled back')
    })
    await assert.rejects(failing, /rolled back/)
    const { rows } = await connection.pool.query(
      "SELECT outcome, actor, agent_id, organization_id, details FROM audit_events WHERE action = 'test.changed'",
    )
    assert.deepEqual(rows, [
      { outcome: 'success', actor: "o'brien", agent_id: 'a', organization_id: null, details: { is: [1] } },
    ])
    assert.deepEqual(await changesSince(connection.db, start), [{ revision: start + 1, topic: 'test', key: 'told' }])
  })

  it('leave no gap, whoever makes them at once and whichever of them fail', async () => {
    const failing = (key: string) =>
      connection.db.transaction().execute(async (transaction) => {
        await recordChange(transaction, 'test', key)
        throw new Error('rolled back')
      })
    const all = Array.from({ length: 20 }, (_, n) => (n % 3 === 0 ? failing(`bad ${n}`) : record(`good ${n}`)))
    const kept = (await Promise.allSettled(all)).filter(({ status }) => status === 'fulfilled').length
    assert.equal(kept, 13)
    const revisions = (await changesSince(connection.db, start)).map(({ revision }) => revision)
    assert.deepEqual(
      revisions,
      Array.from({ length: kept }, (_, n) => start + 1 + n),
    )
  })

  it('become visible in their order: the second waits until the first is committed', async () => {
    const done: string[] = []
    const first = await connection.db.startTransaction().execute()
    await recordChange(first, 'test', 'first')
    const second = record('second').then(() => done.push('second'))
    await blocked()
    assert.deepEqual(await changesSince(connection.db, start), [])
    done.push('first')
    await first.commit().execute()
    await second
    assert.deepEqual(done, ['first', 'second'])
  })

  it('are forgotten after an hour, and so are instances that are long gone', async () => {
    const [old, young] = [await record('old'), await record('young')]
    const { pool } = connection
    await pool.query("UPDATE changes SET at = now() - interval '61 minutes' WHERE revision = $1", [old])
    await pool.query("UPDATE changes SET at = now() - interval '59 minutes' WHERE revision = $1", [young])
    const instances = "('old', now() - interval '61 minutes'), ('young', now() - interval '59 minutes')"
    await pool.query(
      `INSERT INTO instances (id, lease_until, address, applied) SELECT *, 'nowhere', 0 FROM (VALUES ${instances}) AS v`,
    )
    await pruneChanges(connection.db)
    await pruneInstances(connection.db)
    assert.deepEqual(
      (await changesSince(connection.db, start)).map(({ key }) => key),
      ['young'],
    )
    const { rows } = await pool.query('SELECT id FROM instances')
    assert.deepEqual(rows, [{ id: 'young' }])
  })

  it('cannot be made in a database that was not migrated', async () => {
    const empty = connect<DatabaseTables>(database.ownerUrl, { max: 1 })
    const act = empty.db.transaction().execute(async (transaction) => {
      await transaction.deleteFrom('revision').execute()
      await recordChange(transaction, 'test', 'any')
    })
    await assert.rejects(act, /not migrated/)
    await empty.close()
  })

  /** Resolves when a statement waits for the row that orders all changes. */
  async function blocked(): Promise<void> {
    const waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while ((await connection.pool.query(waiting)).rowCount === 0) await new Promise(setImmediate)
  }

  const epoch = async () => (await currentRevision(connection.db)).epoch

  it('begin a new epoch behind one that was seen, once, however many ask, and whatever the clock says', async () => {
    await connection.pool.query('UPDATE revision SET epoch = epoch - 100')
    const before = await epoch()
    await Promise.all([1, 2, 3].map(() => beginEpoch(connection.db, { epoch: before })))
    const began = await epoch()
    assert.ok(began >= before + 100)
    const ahead = began + 1_000
    await Promise.all([1, 2, 3].map(() => beginEpoch(connection.db, { epoch: ahead })))
    assert.equal(await epoch(), ahead + 1)
  })

  it('begin a new epoch on a claim, and no second one within a minute', async () => {
    await connection.pool.query('UPDATE revision SET epoch = extract(epoch FROM now())::bigint - 100')
    const before = await epoch()
    await beginEpochOnClaim(connection.db)
    const began = await epoch()
    assert.ok(began >= before + 100)
    await beginEpochOnClaim(connection.db)
    assert.equal(await epoch(), began)
  })
})
