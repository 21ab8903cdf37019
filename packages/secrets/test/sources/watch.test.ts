import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { secretSource } from '../../src/sources/open.ts'
import { restful, watchSource } from '../../src/sources/watch.ts'
import { eventually } from '../eventually.ts'

describe('a source that is watched', { timeout: 30_000 }, () => {
  let folder: string
  let path: string
  let looks: number
  const heard: string[][] = []
  const failures: string[] = []
  let stop: () => Promise<void> = async () => undefined
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rekey-watch-'))
  })
  after(() => rm(folder, { recursive: true }))
  beforeEach(async () => {
    path = join(folder, 'keys')
    await writeFile(path, 'one')
    for (const list of [heard, failures]) list.length = 0
    looks = 0
  })
  afterEach(() => stop())

  function watch(changed = (values: string[]): void => void heard.push(values)): void {
    const file = secretSource(`file:${path}`, {})
    const counted = {
      ...file,
      restMs: 5,
      values() {
        looks++
        return file.values()
      },
    }
    stop = watchSource(counted, { changed, failed: (error) => failures.push(String(error)) }, 5)
  }

  const times = (count: number) =>
    eventually(
      () => heard.length + failures.length,
      (found) => found >= count,
    )
  const furtherLooks = (count: number) => {
    const until = looks + count
    return eventually(
      () => looks,
      (found) => found >= until,
    )
  }

  test('is heard at first, and whenever it has changed', async () => {
    watch()
    await times(1)
    await furtherLooks(3)
    await writeFile(path, 'two one')
    await eventually(
      () => heard.at(-1)?.length,
      (length) => length === 2,
    )
    await furtherLooks(3)
    assert.deepEqual(heard.at(-1), ['two', 'one'])
    assert.deepEqual(heard[0], ['one'])
  })

  test('that vanishes is told once, and what was heard is not taken back; again when it vanishes again', async () => {
    watch()
    await times(1)
    for (const count of [1, 2]) {
      await rm(path)
      await eventually(
        () => failures.length,
        (found) => found === count,
      )
      await furtherLooks(3)
      assert.equal(failures.length, count)
      await writeFile(path, 'one')
      await furtherLooks(3)
    }
    assert.match(failures[0] ?? '', /SOURCE_MISSING|ENOENT/)
    assert.deepEqual(heard, [['one']])
  })

  test('is heard again until whoever hears it has taken it', async () => {
    let refusals = 0
    watch((values) => {
      if (refusals++ < 2) throw new Error('not now')
      heard.push(values)
    })
    await eventually(
      () => heard.length,
      (found) => found === 1,
    )
    assert.deepEqual(failures, ['Error: not now'])
  })

  test('is let go of when what is under way is done, and nobody hears of that', async () => {
    const reading = Promise.withResolvers<string[]>()
    const slow = { ...secretSource(`file:${path}`, {}), values: () => reading.promise }
    const end = watchSource(slow, { changed: (values) => void heard.push(values), failed: String }, 5)
    const ended = end()
    reading.resolve(['late'])
    await ended
    assert.deepEqual(heard, [])
  })

  test('that asks for rest gets it, also from those who ask all the time', async () => {
    let now = 1_000
    let reads = 0
    const source = {
      ...secretSource(`file:${path}`, {}),
      restMs: 60_000,
      values: async () => [`read ${++reads}`],
    }
    const values = restful(source, () => now)
    assert.deepEqual(await Promise.all([values(), values()]), [['read 1'], ['read 1']])
    now += 59_999
    assert.deepEqual(await values(), ['read 1'])
    now += 1
    assert.deepEqual(await values(), ['read 2'])
    now -= 3_600_000
    assert.deepEqual(await values(), ['read 3'], 'the clock was set back')
  })
})
