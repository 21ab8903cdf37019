import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { acquire } from '../../src/files/lock.ts'
import { folder } from '../client.ts'

/** All of them share one event loop: whoever stands still with it for less is not to count as dead. */
const times = { staleMs: 5_000, beatMs: 20, waitMs: 60_000 }

describe('the lock of a folder', () => {
  let place: Awaited<ReturnType<typeof folder>>
  let path: string
  beforeEach(async () => {
    place = await folder()
    path = join(place.path, 'key.pem')
  })
  afterEach(() => place.remove())

  it('is held by one at a time, and each of twenty gets it', async () => {
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
    assert.deepEqual(await readdir(place.path), ['key.pem.lock-20'])
  })

  it('of a holder that lives is not taken, however long it takes', async () => {
    const short = { ...times, staleMs: 2_000 }
    const lock = await acquire(path, short)
    await assert.rejects(acquire(path, { ...short, waitMs: 3_000 }), { code: 'LOCKED' })
    await lock.assertHeld()
    await lock.release()
  })

  it('of a holder that died is taken by one of those who wait', async () => {
    await writeFile(`${path}.lock-7`, 'somebody 12')
    const order: number[] = []
    await Promise.all(
      [1, 2, 3].map(async (waiter) => {
        const lock = await acquire(path, times)
        order.push(waiter)
        await lock.assertHeld()
        await lock.release()
      }),
    )
    assert.equal(order.length, 3)
    assert.deepEqual(await readdir(place.path), ['key.pem.lock-10'])
  })

  it('tells a holder that was thought dead that it lost it, and stays with the other', async () => {
    const slow = await acquire(path, { ...times, beatMs: 60_000 })
    const next = await acquire(path, times)
    await assert.rejects(slow.assertHeld(), { code: 'LOCKED' })
    await slow.release()
    await next.assertHeld()
    await assert.rejects(acquire(path, { ...times, waitMs: 200 }), { code: 'LOCKED' })
    await next.release()
  })
})
