import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { revisionChannel } from '../../src/changes/record.ts'
import { type Connection, connect } from '../../src/connection/connect.ts'
import { liveInstances } from '../../src/instances/row.ts'
import type { DatabaseTables } from '../../src/tables.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/database.ts'
import { change, openParty, type Party, type PartyOptions } from './party.ts'

describe('views of one database', { timeout: 60_000 }, () => {
  let database: TestDatabase
  let owner: Connection<DatabaseTables>
  let opened: Party[] = []
  before(async () => {
    database = await testDatabase()
    owner = connect(database.ownerUrl)
  })
  after(async () => {
    await owner.close()
    await database.drop()
  })
  afterEach(async () => {
    await Promise.all(opened.map((party) => party.close()))
    opened = []
  })

  async function open(id: string, options?: PartyOptions): Promise<Party> {
    const party = await openParty(database, id, options)
    opened.push(party)
    return party
  }

  const liveIds = async () => (await liveInstances(owner.db)).map(({ id }) => id)
  const endLease = (id: string) =>
    owner.pool.query("UPDATE instances SET lease_until = now() - interval '1 ms' WHERE id = $1", [id])

  describe('a view', () => {
    it('has read everything and holds its lease when it is open', async () => {
      const last = await change(owner)
      const { view, story } = await open('a')
      assert.deepEqual([view.held(), view.applied()], [true, last])
      assert.deepEqual(story.told, ['reload', `confirmed ${last}`])
      const [row] = await liveInstances(owner.db)
      assert.deepEqual([row?.id, row?.address, row?.applied], ['a', 'http://a', last])
    })

    it('is told what changed, and confirms it', async () => {
      const { view, story, change } = await open('a')
      const revision = await change()
      await story.follows([`apply ${revision}`, `confirmed ${revision}`])
      assert.equal(view.applied(), revision)
      assert.equal((await liveInstances(owner.db))[0]?.applied, revision)
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
        await heardAfter(() => change(owner))
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
          revision = await change(owner)
        },
      })
      assert.deepEqual([view.held(), view.applied()], [true, revision])
    })

    it('that cannot be read is not opened, is not waited for, and leaves no connection behind', async () => {
      const opening = openParty(database, 'broken', { onReload: () => Promise.reject(new Error('out of memory')) })
      await assert.rejects(opening, /out of memory/)
      assert.deepEqual(await liveIds(), [])
      const listeners = `SELECT FROM pg_stat_activity
        WHERE application_name = 'rekey listener' AND datname = current_database()`
      while ((await owner.pool.query(listeners)).rowCount !== 0) await new Promise(setImmediate)
    })
  })

  describe('the lease', () => {
    async function withClocks() {
      const time = { wall: 1_000_000, monotonic: 500 }
      const clocks = { wall: () => time.wall, monotonic: () => time.monotonic }
      return { time, party: await open('a', { clocks }) }
    }

    it('is over when the monotonic clock has passed 5 s without a renewal', async () => {
      const { time, party } = await withClocks()
      time.monotonic += 4_999
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

    it('is earned again by the next confirmation, without reading anew when the database still counted it', async () => {
      const { time, party } = await withClocks()
      time.monotonic += 60_000
      assert.equal(party.view.held(), false)
      const revision = await party.change()
      await party.story.follows([`confirmed ${revision}`])
      assert.equal(party.view.held(), true)
      assert.equal(party.story.told.filter((what) => what === 'reload').length, 1)
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

  describe('a view that may have missed something', () => {
    it('reads anew before it is held again when its listener was cut off', async () => {
      const party = await open('a')
      const from = party.story.told.length
      await party.connection.pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'rekey listener' AND datname = current_database()`)
      // Held again at once, by looking each second; and read once more when the listener is back.
      const lost = 'lost: listener: connection-broken'
      const restored = 'lost: listener restored'
      await party.story.follows([lost, 'reload', restored, 'reload', /^confirmed/], from)
      assert.equal(party.view.held(), true)
      const revision = await party.change()
      await party.story.follows([`confirmed ${revision}`], from)
    })

    it('reads anew when the revision went backwards', async () => {
      const party = await open('a')
      const back = party.view.applied()
      for (const _ of [1, 2, 3]) await party.change()
      await party.story.follows([`confirmed ${back + 3}`])
      await restored(back)
      const lost = `lost: revision went from ${back + 3} back to ${back}`
      await party.story.follows([lost, 'reload', `confirmed ${back}`])
      assert.deepEqual([party.view.held(), party.view.applied()], [true, back])
    })

    it('reads anew when another epoch began, although the revision is past the one it knew', async () => {
      const party = await open('a')
      const ahead = party.view.applied()
      await owner.pool.query('UPDATE revision SET epoch = epoch + 1')
      await party.change()
      await party.story.follows([/^lost: epoch \d+ began$/, 'reload', `confirmed ${ahead + 1}`])
      assert.equal(party.view.held(), true)
    })

    for (const [which, missing] of Object.entries({ first: [1], second: [2], last: [3], 'all of them': [1, 2, 3] })) {
      it(`reads anew when of three changes is missing: ${which}`, async () => {
        const party = await open('a')
        const start = party.view.applied()
        await owner.pool.query(`WITH gone AS (UPDATE revision SET n = n + 3)
          INSERT INTO changes (revision, topic, key)
          SELECT ${start} + n, 'test', 'thing' FROM generate_series(1, 3) n WHERE n <> ALL ('{${missing.join()}}')`)
        await party.story.follows(['lost: changes are missing', 'reload', `confirmed ${start + 3}`])
        assert.deepEqual([party.view.held(), party.view.applied()], [true, start + 3])
      })
    }

    it('is left out while it cannot read, and comes back when it can', async () => {
      let working = true
      const broken = await open('broken', {
        onReload: async () => {
          if (!working) throw new Error('out of memory')
        },
      })
      const sound = await open('sound')
      working = false
      await endLease('broken')
      await broken.story.follows([/^lost/, 'reload', 'error: Error: out of memory'])
      await sound.view.everywhere(await sound.change())
      assert.equal(broken.view.held(), false)
      // Each time that it tries to read it is there for a moment.
      while ((await liveIds()).includes('broken')) await new Promise(setImmediate)
      working = true
      const revision = await sound.change()
      await broken.story.follows([`confirmed ${revision}`])
      assert.deepEqual([broken.view.held(), await liveIds()], [true, ['broken', 'sound']])
    })

    it('tries a change again that it could not apply, and does not confirm it before', async () => {
      let working = false
      const party = await open('a', {
        onApply: async () => {
          if (!working) throw new Error('out of memory')
        },
      })
      const start = party.view.applied()
      const revision = await party.change()
      await party.story.follows([`apply ${revision}`, 'error: Error: out of memory'])
      assert.equal(party.view.applied(), start)
      working = true
      await party.story.follows([`apply ${revision}`, `apply ${revision}`, `confirmed ${revision}`])
    })
  })

  describe('waiting until a revision is everywhere', () => {
    function gate() {
      const { promise, resolve } = Promise.withResolvers<void>()
      return { open: resolve, passed: () => promise }
    }

    it('is over at once for one that everybody has applied', async () => {
      const [a] = await Promise.all([open('a'), open('b')])
      await a.view.everywhere(a.view.applied())
    })

    it('is over when both have applied it, and not before', async () => {
      const order: string[] = []
      const { open: release, passed } = gate()
      const [a, b] = await Promise.all([open('a'), open('b', { onApply: passed })])
      const revision = await a.change()
      const waiting = a.view.everywhere(revision).then(() => order.push('everywhere'))
      await Promise.all([a.story.follows([`confirmed ${revision}`]), b.story.follows([`apply ${revision}`])])
      // A look at the instances that begins now sees that only one of them has applied it.
      const applied = (await liveInstances(owner.db)).map((row) => [row.id, row.applied >= revision])
      assert.deepEqual(applied, [
        ['a', true],
        ['b', false],
      ])
      order.push('released')
      release()
      await waiting
      assert.deepEqual(order, ['released', 'everywhere'])
      assert.equal(b.view.applied(), revision)
    })

    it('is held up by one whose process is stuck until its lease is over, and it knows that by then', async (t) => {
      const { open: release, passed } = gate()
      t.after(release)
      const [a, stuck] = await Promise.all([open('a'), open('stuck', { onApply: passed })])
      const revision = await a.change()
      await stuck.story.follows([`apply ${revision}`])
      const until = (await liveInstances(owner.db)).find(({ id }) => id === 'stuck')?.leaseUntil ?? assert.fail()
      await a.view.everywhere(revision)
      const { rows } = await owner.pool.query('SELECT clock_timestamp() AS now')
      assert.ok(rows[0].now >= until)
      assert.deepEqual([a.view.held(), stuck.view.held(), await liveIds()], [true, false, ['a']])
      release()
      await stuck.story.follows(['lost: lease was over before it was renewed', 'reload', `confirmed ${revision}`])
    })

    it('waits for one that has entered and not read yet', async () => {
      const order: string[] = []
      const { open: release, passed } = gate()
      const a = await open('a')
      const reading = gate()
      const opening = open('late', {
        onReload: () => {
          reading.open()
          return passed()
        },
      })
      await reading.passed()
      const waiting = a.view.everywhere(a.view.applied()).then(() => order.push('everywhere'))
      assert.deepEqual(await liveIds(), ['a', 'late'])
      order.push('released')
      release()
      await Promise.all([opening, waiting])
      assert.deepEqual(order, ['released', 'everywhere'])
    })
  })

  describe('closing', () => {
    it('leaves at once, so that nobody waits for it', async () => {
      const [a, b] = await Promise.all([open('a'), open('b')])
      await b.view.close()
      assert.deepEqual([b.view.held(), await liveIds()], [false, ['a']])
      await a.view.everywhere(await a.change())
      assert.deepEqual(await liveIds(), ['a'])
    })

    it('leaves at once although a change is being applied, and does not come back by confirming it', async () => {
      const passed = Promise.withResolvers<void>()
      const [a, b] = await Promise.all([open('a'), open('b', { onApply: () => passed.promise })])
      const revision = await a.change()
      await b.story.follows([`apply ${revision}`])
      const closing = b.view.close()
      assert.equal(b.view.held(), false)
      await a.view.everywhere(revision)
      passed.resolve()
      await closing
      assert.deepEqual(await liveIds(), ['a'])
      assert.equal(b.story.told.includes(`confirmed ${revision}`), false)
    })

    it('does not come back by entering while it reads anew', async () => {
      const passed = Promise.withResolvers<void>()
      let reloads = 0
      const b = await open('b', {
        onReload: async () => {
          reloads += 1
          if (reloads > 1) await passed.promise
        },
      })
      await endLease('b')
      await b.story.follows(['lost: lease was over before it was renewed', 'reload'])
      const closing = b.view.close()
      passed.resolve()
      await closing
      assert.deepEqual(await liveIds(), [])
    })
  })

  /** As after a restored backup: the revision, and the changes up to it. */
  async function restored(n: number): Promise<void> {
    await owner.pool.query(`WITH gone AS (DELETE FROM changes WHERE revision > ${n}) UPDATE revision SET n = ${n}`)
  }

  /** Resolves when a notification that an act causes has come in. */
  async function heardAfter(act: () => Promise<unknown>): Promise<void> {
    const client = await owner.pool.connect()
    const heard = Promise.withResolvers<void>()
    client.on('notification', () => heard.resolve())
    await client.query(`LISTEN ${revisionChannel}`)
    await act()
    await heard.promise
    client.release(true)
  }
})
