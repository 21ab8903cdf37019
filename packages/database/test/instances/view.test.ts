import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { revisionChannel } from '../../src/changes/record.ts'
import { databaseNow } from '../../src/keyrings/store.ts'
import { databaseOfParties, makeChange } from './party.ts'

const { owner, open, live, liveIds, endLease } = databaseOfParties()

describe('a view', () => {
  it('has read everything and holds its lease when it is open', async () => {
    const last = await makeChange(owner())
    const { view, story } = await open('a')
    assert.deepEqual([view.held(), view.applied()], [true, last])
    assert.deepEqual(story.told, ['reload', `confirmed ${last}`])
    const [row] = await live()
    assert.deepEqual([row?.id, row?.address, row?.applied], ['a', 'http://a', last])
  })

  it('knows the time of the database, whatever the clock beside it says', async () => {
    const clocks = { wall: () => Date.now() + 3_600_000, monotonic: () => performance.now() }
    const { view, connection } = await open('a', { clocks })
    const before = await databaseNow(connection.db)
    const told = view.databaseNow()
    const after = await databaseNow(connection.db)
    assert.ok(told >= before && told < after + 2_000, `${before} ${told} ${after}`)
    assert.ok(view.databaseNow() >= told)
  })

  it('is told what changed, and confirms it', async () => {
    const { view, story, change } = await open('a')
    const revision = await change()
    await story.follows([`apply ${revision}`, `confirmed ${revision}`])
    assert.equal(view.applied(), revision)
    assert.equal((await live())[0]?.applied, revision)
  })

  it('is told of many changes each once and in their order', async () => {
    const { story, change } = await open('a')
    const revisions = await Promise.all(Array.from({ length: 20 }, change))
    await story.follows([`confirmed ${Math.max(...revisions)}`])
    const applied = story.told.flatMap((what) => /^apply (.*)$/.exec(what)?.[1]?.split(' ').map(Number) ?? [])
    assert.deepEqual(
      applied,
      revisions.toSorted((one, other) => one - other),
    )
  })

  it('is never called again while a call is under way, not even while it is being opened', async () => {
    let underWay = 0
    const alone = async () => {
      underWay += 1
      assert.equal(underWay, 1)
      // Long enough for a notification to come in: one made here is heard on a connection of our own.
      await heardAfter(() => makeChange(owner()))
      underWay -= 1
    }
    let applied = 0
    const { view, story } = await open('a', {
      onReload: alone,
      onApply: async () => {
        applied += 1
        if (applied < 3) await alone()
      },
    })
    await story.follows([/^apply/, /^apply/, /^apply/])
    assert.deepEqual([view.held(), story.told.filter((what) => /^error|^lost/.test(what))], [true, []])
  })

  it('that took longer to read than a lease is held all the same, with what changed meanwhile', async () => {
    let revision = 0
    const { view } = await open('slow', {
      onReload: async () => {
        await endLease('slow')
        revision = await makeChange(owner())
      },
    })
    assert.deepEqual([view.held(), view.applied()], [true, revision])
  })

  it('that cannot be read is not opened, is not waited for, and leaves no connection behind', async () => {
    const opening = open('broken', { onReload: () => Promise.reject(new Error('out of memory')) })
    await assert.rejects(opening, /out of memory/)
    assert.deepEqual(await liveIds(), [])
    const listeners = `SELECT FROM pg_stat_activity
      WHERE application_name = 'rekey listener' AND datname = current_database()`
    while ((await owner().pool.query(listeners)).rowCount !== 0) await new Promise(setImmediate)
  })
})

describe('the lease', () => {
  async function withClocks() {
    const time = { wall: 1_000_000, monotonic: 500 }
    const clocks = { wall: () => time.wall, monotonic: () => time.monotonic }
    return { time, party: await open('a', { clocks }) }
  }

  it('is over when the monotonic clock has passed 4.5 s without a renewal: before the others give it up', async () => {
    const { time, party } = await withClocks()
    time.monotonic += 4_499
    assert.equal(party.view.held(), true)
    time.monotonic += 1
    assert.equal(party.view.held(), false)
  })

  it('is over when the wall clock jumps ahead', async () => {
    const { time, party } = await withClocks()
    time.wall += 5_000
    assert.equal(party.view.held(), false)
  })

  it('is over when the wall clock is set back behind its start', async () => {
    const { time, party } = await withClocks()
    time.wall -= 1
    assert.equal(party.view.held(), false)
  })

  it('that was over by its own clock is earned only by reading anew, although the others still counted on it', async () => {
    const { time, party } = await withClocks()
    time.monotonic += 60_000
    assert.equal(party.view.held(), false)
    const revision = await party.change()
    await party.story.follows(['lost: renewal took too long', 'reload', `confirmed ${revision}`])
    assert.equal(party.view.held(), true)
  })

  it('that was over for the others too is earned only by reading anew', async () => {
    const { view, story, change } = await open('a')
    const from = story.told.length
    await endLease('a')
    await change()
    await story.follows(['lost: lease was over before it was renewed', 'reload', /^confirmed/], from)
    assert.equal(view.held(), true)
  })
})

/** Resolves when a notification that an act causes has come in. */
async function heardAfter(act: () => Promise<unknown>): Promise<void> {
  const client = await owner().pool.connect()
  const heard = Promise.withResolvers<void>()
  client.on('notification', () => heard.resolve())
  await client.query(`LISTEN ${revisionChannel}`)
  await act()
  await heard.promise
  client.release(true)
}
