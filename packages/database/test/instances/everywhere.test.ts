import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { enter, renew } from '../../src/instances/row.ts'
import { databaseOfParties } from './party.ts'

const { owner, open, live, liveIds, endLease } = databaseOfParties()

describe('waiting until a revision is everywhere', { timeout: 60_000 }, () => {
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
    const applied = (await live()).map((row) => [row.id, row.applied >= revision])
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
    t.after(() => release())
    const [a, stuck] = await Promise.all([open('a'), open('stuck', { onApply: passed })])
    const revision = await a.change()
    await stuck.story.follows([`apply ${revision}`])
    const until = (await live()).find(({ id }) => id === 'stuck')?.leaseUntil ?? assert.fail()
    await a.view.everywhere(revision)
    const { rows } = await owner().pool.query('SELECT clock_timestamp() AS now')
    assert.ok(rows[0].now >= until)
    assert.deepEqual([a.view.held(), stuck.view.held(), await liveIds()], [true, false, ['a']])
    release()
    await stuck.story.follows(['lost: lease was over before it was renewed', 'reload', `confirmed ${revision}`])
  })

  it('waits for one that has entered and confirmed nothing yet', async () => {
    const order: string[] = []
    const a = await open('a')
    await enter(a.connection.db, 'late', 'http://late')
    const waiting = a.view.everywhere(a.view.applied()).then(() => order.push('everywhere'))
    assert.deepEqual(await liveIds(), ['a', 'late'])
    order.push('confirmed')
    await renew(a.connection.db, 'late', a.view.applied(), true)
    await waiting
    assert.deepEqual(order, ['confirmed', 'everywhere'])
  })

  it('does not wait for one that is still reading; that one follows before it confirms', async () => {
    const a = await open('a')
    const [reading, read] = [gate(), gate()]
    const onReload = () => {
      reading.open()
      return read.passed()
    }
    const opening = open('late', { onReload })
    await reading.passed()
    const revision = await a.change()
    await a.view.everywhere(revision)
    read.open()
    assert.ok((await opening).view.applied() >= revision)
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
    const until = (await live()).find(({ id }) => id === 'b')?.leaseUntil ?? assert.fail()
    const closing = b.view.close()
    assert.equal(b.view.held(), false)
    await a.view.everywhere(revision)
    const { rows } = await owner().pool.query('SELECT clock_timestamp() AS now')
    passed.resolve()
    await closing
    assert.ok(rows[0].now < until, 'it was waited for until its lease was over')
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
