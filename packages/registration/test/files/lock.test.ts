import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { acquire } from '../../src/files/lock.ts'
import { folder } from '../client.ts'

/** All of them share one event loop: whoever stands still with it for less is not to count as dead. */
const times = { staleMs: 5_000, beatMs: 20, waitMs: 60_000 }
const soonStale = { ...times, staleMs: 2_000 }

// They wait most of the time, each in a folder of its own.
describe('the lock of a folder', { concurrency: true }, () => {
  async function place(test: TestContext) {
    const { path, remove } = await folder()
    test.after(remove)
    return { path: join(path, 'key.pem'), names: () => readdir(path) }
  }

  it('is held by one at a time, and each of twenty gets it', async (test) => {
    const { path, names } = await place(test)
    let inside = 0
    let most = 0
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const lock = await acquire(path, times)
        most = Math.max(most, ++inside)
        await setTimeout(2)
        await lock.assertHeld()
        inside--
        await lock.release()
      }),
    )
    assert.equal(most, 1)
    assert.deepEqual(await names(), ['key.pem.lock-20'])
  })

  it('of a holder that lives is not taken, however long it takes', async (test) => {
    const { path } = await place(test)
    const lock = await acquire(path, soonStale)
    await assert.rejects(acquire(path, { ...soonStale, waitMs: 3_000 }), { code: 'LOCKED' })
    await lock.assertHeld()
    await lock.release()
  })

  it('of a holder that died is taken by one of those who wait', async (test) => {
    const { path, names } = await place(test)
    await writeFile(`${path}.lock-7`, 'somebody 12')
    const order: number[] = []
    await Promise.all(
      [1, 2, 3].map(async (waiter) => {
        const lock = await acquire(path, soonStale)
        order.push(waiter)
        await lock.assertHeld()
        await lock.release()
      }),
    )
    assert.equal(order.length, 3)
    assert.deepEqual(await names(), ['key.pem.lock-10'])
  })

  it('tells a holder that was thought dead that it lost it, and stays with the other', async (test) => {
    const { path } = await place(test)
    const slow = await acquire(path, { ...soonStale, beatMs: 60_000 })
    const next = await acquire(path, soonStale)
    await assert.rejects(slow.assertHeld(), { code: 'LOCKED' })
    await slow.release()
    await next.assertHeld()
    await assert.rejects(acquire(path, { ...soonStale, waitMs: 200 }), { code: 'LOCKED' })
    await next.release()
  })
})
