import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { type Connection, connect } from '../../src/connection/connect.ts'
import { databaseLedger } from '../../src/instances/ledger.ts'
import { HeldRootKeys } from '../../src/sealing/held.ts'
import { readRootKeys } from '../../src/sealing/root-key.ts'
import type { DatabaseTables } from '../../src/tables.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/database.ts'

const [a, b, c] = ['0a', '0b', '0c'].map((byte) => byte.repeat(32)) as [string, string, string]
const keysOf = (...keys: string[]) => readRootKeys('env:ROOT', { ROOT: keys.join(' ') })
const idOf = async (key: string) => (await keysOf(key))[0].id
const nothing = async () => []

describe('the root keys that an instance holds', { timeout: 60_000 }, () => {
  let database: TestDatabase
  let connection: Connection<DatabaseTables>
  beforeEach(async () => {
    database = await testDatabase()
    connection = connect(database.serviceUrl, { max: 8 })
  })
  afterEach(async () => {
    await connection.close()
    await database.drop()
  })

  const holding = (...keys: string[]) => HeldRootKeys.open('env:ROOT', { ROOT: keys.join(' ') })
  const taken = async () =>
    (await connection.db.selectFrom('root_keys').select('id').orderBy('n').execute()).map(({ id }) => id)
  const ids = (...keys: string[]) => Promise.all(keys.map(idOf))

  it('are refused where what is stored names another, and nothing is written down', async () => {
    const [right] = await ids(a)
    const sealed = async () => [right ?? '']
    const wrong = await holding(b)
    await assert.rejects(wrong.settle(connection.db, sealed), { code: 'ROOT_KEY_MISMATCH' })
    wrong.openedAll()
    await assert.rejects(wrong.settle(connection.db, sealed), { code: 'ROOT_KEY_MISMATCH' })
    assert.deepEqual(await taken(), [])
  })

  it('are written down only when what is stored was opened, and first the one that sealed it', async () => {
    const sealed = () => ids(a)
    const held = await holding(b, a)
    await held.settle(connection.db, sealed)
    assert.deepEqual(await taken(), [])
    assert.equal(held.sealing.id, await idOf(a))
    held.openedAll()
    await held.settle(connection.db, sealed)
    assert.deepEqual(await taken(), await ids(a))
    await held.settle(connection.db, sealed)
    assert.deepEqual(await taken(), await ids(a, b))
    assert.equal(held.sealing.id, await idOf(b))
  })

  it('are written down at once where nothing is sealed: of two that begin with different ones one is refused', async () => {
    const began = await Promise.allSettled(
      [await holding(a), await holding(b)].map((held) => held.settle(connection.db, nothing)),
    )
    const refused = began.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []))
    assert.deepEqual(refused, ['ROOT_KEY_MISMATCH'])
    assert.equal((await taken()).length, 1)
  })

  it('seal in the order in which they were written down, whatever the file or the clock says', async () => {
    for (const [id, since] of [
      [await idOf(a), '2030-01-01'],
      [await idOf(b), '2020-01-01'],
    ] as const) {
      await connection.db
        .insertInto('root_keys')
        .values({ id, since: new Date(since) })
        .execute()
    }
    for (const order of [
      [a, c, b],
      [a, b, c],
      [b, c, a],
    ]) {
      const held = await holding(...order)
      await held.settle(connection.db, nothing)
      assert.equal(held.sealing.id, await idOf(b))
      assert.deepEqual(held.ids, await ids(b, a, c))
    }
    assert.equal((await taken()).length, 2)
  })

  it('are those of every instance that counts: a row that does not say so is refused, with what to do', async () => {
    const [first = '', second = ''] = await ids(a, b)
    const enter = (said: string[] | undefined) => {
      const port = said && { announce: () => said, announced: () => {} }
      return databaseLedger(connection.db, port).enter('one', 'http://one')
    }
    await enter(undefined)
    await connection.db.insertInto('root_keys').values({ id: first }).execute()
    await enter(undefined)
    await enter([first])
    await assert.rejects(enter([second]), /sealed under root key.*give it the root keys that the other instances have/)
    await connection.db.insertInto('root_keys').values({ id: second }).execute()
    for (const said of [undefined, [first]]) await assert.rejects(enter(said), new RegExp(second))
    const renew = databaseLedger(connection.db, { announce: () => [first], announced: () => {} })
    await assert.rejects(renew.renew('one', 0, false), new RegExp(second))
    await enter([second, first])
  })

  it('are kept while others may take one that stood in the file for a moment, and then for good', async () => {
    const [one, two] = [await holding(a), await holding(a)]
    const ledger = databaseLedger(connection.db, one)
    await one.settle(connection.db, nothing)
    one.take(await keysOf(b, a))
    await ledger.enter('one', 'http://one')
    one.take(await keysOf(a))
    await one.settle(connection.db, nothing)
    two.take(await keysOf(b, a))
    await two.settle(connection.db, nothing)
    assert.equal(two.sealing.id, await idOf(b), 'the last row said that it is held')
    await one.settle(connection.db, nothing)
    assert.deepEqual([one.sealing.id, one.ids], [await idOf(b), await ids(b, a)])
    await ledger.renew('one', 0, false)
  })

  it('are dropped when the row without them was written and nobody had taken them before', async () => {
    const [one, two] = [await holding(a), await holding(a)]
    const ledger = databaseLedger(connection.db, one)
    await one.settle(connection.db, nothing)
    one.take(await keysOf(b, a))
    await ledger.enter('one', 'http://one')
    one.take(await keysOf(a))
    await ledger.renew('one', 0, false)
    await one.settle(connection.db, nothing)
    assert.equal(one.all.length, 1)
    two.take(await keysOf(b, a))
    await two.settle(connection.db, nothing)
    assert.equal(two.sealing.id, await idOf(a))
  })
})
