import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { connect } from '@rekey/database'
import { sql } from 'kysely'
import type { IdpTables } from '../../../src/tables.ts'
import { usedAssertions } from '../../../src/tokens/authentication/used-assertions.ts'
import { type Estate, startEstate } from '../../estate.ts'

const anHourAhead = Date.now() + 3_600_000

describe('assertions that were used', { timeout: 60_000 }, () => {
  let estate: Estate
  before(async () => {
    estate = await startEstate()
  })
  after(() => estate.stop())

  /** Counts the statements. */
  function counting() {
    const counted = { statements: 0 }
    const db = estate.db.withPlugin({
      transformQuery: ({ node }) => {
        counted.statements += 1
        return node
      },
      transformResult: async ({ result }) => result,
    })
    return { counted, log: usedAssertions(db) }
  }

  const many = (count: number, of: (n: number) => Promise<boolean>) =>
    Promise.all(Array.from({ length: count }, (_, n) => of(n)))

  test('are each good once, also where all come at once to several instances', async () => {
    const logs = [usedAssertions(estate.db), usedAssertions(estate.db)]
    const use = (client: string, jti: string) =>
      many(20, (n) => logs[n % 2]?.useOnce(client, jti, anHourAhead) as Promise<boolean>)
    // In one order here and in the other there.
    const jtis = Array.from({ length: 50 }, (_, n) => `jti-${n}`)
    const outcomes = await Promise.all([...jtis, ...jtis.toReversed()].map((jti) => use('one', jti)))
    assert.equal(outcomes.flat().filter((isFirst) => isFirst).length, jtis.length)
    assert.equal((await use('two', 'jti-1')).filter((isFirst) => isFirst).length, 1, 'of another client')
  })

  test('are written together while the database is busy, and at once while it is not', async () => {
    const { counted, log } = counting()
    assert.equal(await log.useOnce('batch', 'first', anHourAhead), true)
    assert.equal(counted.statements, 1)
    await setImmediate()
    const first = log.useOnce('batch', 'alone', anHourAhead)
    const others = many(900, (n) => log.useOnce('batch', `n-${n % 600}`, anHourAhead))
    assert.equal(await first, true)
    assert.equal((await others).filter((isFirst) => isFirst).length, 600)
    assert.equal(counted.statements, 4, 'one alone, then 500 and 400 at a time')
  })

  test('are stored as hashes, until they expire', async () => {
    await usedAssertions(estate.db).useOnce('stored', 'what the client calls it', anHourAhead)
    const row = await estate.db
      .selectFrom('used_assertions')
      .selectAll()
      .where('client_id', '=', 'stored')
      .executeTakeFirstOrThrow()
    assert.equal(row.expires_at, anHourAhead)
    assert.equal(row.jti_hash.length, 32)
  })

  test('fail together where the database is away, and are not used up by that', async () => {
    const away = connect<IdpTables>('postgres://nobody:x@127.0.0.1:1/none', { max: 1 })
    const log = usedAssertions(away.db)
    const outcomes = await Promise.allSettled(['a', 'b', 'b', 'c'].map((jti) => log.useOnce('away', jti, anHourAhead)))
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'rejected', 'rejected', 'rejected'],
    )
    await away.close()
    const { log: back } = counting()
    // What cannot be stored fails, and whoever comes after it does not.
    await assert.rejects(back.useOnce('bad \u0000', 'a', anHourAhead))
    assert.equal(await back.useOnce('away', 'a', anHourAhead), true)
  })

  test('are refused at once when too many wait for the database', async () => {
    const log = usedAssertions(estate.db)
    let waiting: Promise<boolean[]> | undefined
    await estate.db.transaction().execute(async (transaction) => {
      await sql`LOCK TABLE used_assertions IN ACCESS EXCLUSIVE MODE`.execute(transaction)
      const first = log.useOnce('many', 'first', anHourAhead)
      waiting = Promise.all([first, many(5_000, (n) => log.useOnce('many', `n-${n}`, anHourAhead)).then(() => true)])
      assert.throws(() => log.useOnce('many', 'one too many', anHourAhead), { code: 'OVERLOADED' })
    })
    assert.deepEqual(await waiting, [true, true])
    assert.equal(await log.useOnce('many', 'one too many', anHourAhead), true)
  })
})
