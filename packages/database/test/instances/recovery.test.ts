import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Heard } from '../../src/instances/view.ts'
import { databaseOfParties } from './party.ts'

const { owner, open, liveIds, endLease } = databaseOfParties()

describe('a view that may have missed something', () => {
  it('reads anew before it is held again when its listener was cut off', async () => {
    const party = await open('a')
    const from = party.story.told.length
    await party.connection.pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'rekey listener' AND datname = current_database()`)
    await party.story.follows(['lost: listener: connection-broken', 'reload', /^confirmed/], from)
    assert.equal(party.view.held(), true)
    const revision = await party.change()
    await party.story.follows([`confirmed ${revision}`], from)
  })

  it('keeps the lease that it holds again when its listener is back, and catches up at once', async () => {
    let heard: Heard | undefined
    const listen = async (to: Heard) => {
      heard = to
      return { close() {} }
    }
    const party = await open('a', { listen })
    heard?.onLost({ kind: 'connection-broken' })
    await party.story.follows(['lost: listener: connection-broken', 'reload', /^confirmed/])
    const from = party.story.told.length
    const revision = await party.change()
    heard?.onRestored()
    assert.equal(party.view.held(), true)
    await party.story.follows([`confirmed ${revision}`], from)
    const given = party.story.told.slice(from).filter((what) => /^(lost|reload)/.test(what))
    assert.deepEqual(given, [])
  })

  it('reads anew when the revision went backwards', async () => {
    const party = await open('a')
    const back = party.view.applied()
    for (const _ of [1, 2, 3]) await party.change()
    await party.story.follows([`confirmed ${back + 3}`])
    await restored(back)
    const lost = new RegExp(`^lost: revision went from \\d+\\.${back + 3} back to \\d+\\.${back}$`)
    await party.story.follows([lost, 'reload', `confirmed ${back}`])
    assert.deepEqual([party.view.held(), party.view.applied()], [true, back])
  })

  it('reads anew when another epoch began, although the revision is past the one it knew', async () => {
    const party = await open('a')
    const ahead = party.view.applied()
    await owner().pool.query('UPDATE revision SET epoch = epoch + 1')
    await party.change()
    await party.story.follows([/^lost: epoch \d+ began$/, 'reload', `confirmed ${ahead + 1}`])
    assert.equal(party.view.held(), true)
  })

  it('begins a new epoch when the database is of an earlier one', async () => {
    const epoch = async () => Number((await owner().pool.query('SELECT epoch FROM revision')).rows[0].epoch)
    const party = await open('a')
    await owner().pool.query('UPDATE revision SET epoch = epoch - 1000')
    const earlier = await epoch()
    await party.change()
    await party.story.follows([/^lost: revision went from/, 'reload'])
    assert.ok((await epoch()) > earlier + 900)
  })

  it('does not wait for ever for a revision that a restored backup took away', async () => {
    const a = await open('a')
    await assert.rejects(a.view.everywhere(a.view.applied() + 1_000), { code: 'TRY_AGAIN' })
  })

  it('does not wait for ever for one that went in a new epoch either', async () => {
    const passed = Promise.withResolvers<void>()
    const [a] = await Promise.all([open('a'), open('b', { onApply: () => passed.promise })])
    const waiting = assert.rejects(a.view.everywhere(await a.change()), { code: 'TRY_AGAIN' })
    await owner().pool.query('UPDATE revision SET epoch = epoch + 1')
    await waiting
    passed.resolve()
  })

  it('begins a new epoch when it opens and nobody is there who could tell that the database went back', async () => {
    const epoch = async () => Number((await owner().pool.query('SELECT epoch FROM revision')).rows[0].epoch)
    const before = await epoch()
    await open('alone')
    const alone = await epoch()
    await open('second')
    assert.deepEqual([alone > before, await epoch()], [true, alone])
  })

  for (const [which, missing] of Object.entries({ first: [1], second: [2], last: [3], 'all of them': [1, 2, 3] })) {
    it(`reads anew when of three changes is missing: ${which}`, async () => {
      const party = await open('a')
      const start = party.view.applied()
      await owner().pool.query(`WITH gone AS (UPDATE revision SET n = n + 3)
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

/** As after a restored backup: the revision, and the changes up to it. */
async function restored(n: number): Promise<void> {
  await owner().pool.query(`WITH gone AS (DELETE FROM changes WHERE revision > ${n}) UPDATE revision SET n = ${n}`)
}
