import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { Keyring } from '../../src/lifecycle/keyring.ts'
import { directoryStore } from '../../src/stores/directory.ts'
import { outboxOf } from '../../src/stores/outbox.ts'
import type { Change } from '../../src/stores/store.ts'
import { settled, startMs } from '../samples.ts'

const writer = join(import.meta.dirname, 'writer.ts')
const about = (n: number): Change => ({ action: 'keyring.changed', actor: 'ops', details: { n } })

async function opened(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-outbox-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const clock = { nowMs: startMs }
  const store = directoryStore(folder, () => clock.nowMs)
  /** Saves a keyring again and again; each save is a millisecond later. */
  async function save(name: string, times: number): Promise<void> {
    for (let n = 0; n < times; n++) {
      clock.nowMs += 1
      const current: Keyring | undefined = await store.load(name)
      const next = current ?? settled(name, startMs)
      assert.ok(await store.save(current, next, about((current?.revision ?? 0) + 1)))
    }
  }
  const outbox = outboxOf(folder)
  const pending = async () => (await outbox.pending()).map(({ keyring, revision }) => `${keyring} ${revision}`)
  const files = async (name: string) => (await readdir(join(folder, name))).filter((file) => file.endsWith('.json'))
  return { folder, clock, store, save, outbox, pending, files }
}

const upTo = (count: number, name = 'salt') => Array.from({ length: count }, (_, n) => `${name} ${n + 1}`)

describe('the outbox of a directory of keyrings', () => {
  it('tells what was saved, when, and what changed', async (t) => {
    const { save, outbox } = await opened(t)
    await save('salt', 2)
    const entries = (await outbox.pending()).map(({ id: _id, ...entry }) => entry)
    assert.deepEqual(entries, [
      { at: startMs + 1, keyring: 'salt', revision: 1, change: about(1) },
      { at: startMs + 2, keyring: 'salt', revision: 2, change: about(2) },
    ])
  })

  it('gives an entry the same id whoever reads it, and another to every other', async (t) => {
    const { folder, save, outbox } = await opened(t)
    await save('salt', 3)
    await save('pepper', 3)
    const ids = (await outbox.pending()).map(({ id }) => id)
    assert.deepEqual(
      (await outboxOf(folder).pending()).map(({ id }) => id),
      ids,
    )
    assert.equal(new Set(ids).size, 6)
    for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('tells again what was not delivered, and never what was', async (t) => {
    const { save, outbox, pending } = await opened(t)
    await save('salt', 3)
    assert.deepEqual(await pending(), upTo(3))
    await outbox.delivered({ keyring: 'salt', revision: 2 })
    assert.deepEqual(await pending(), ['salt 3'])
    // A slower reader, which had read the same.
    await outbox.delivered({ keyring: 'salt', revision: 1 })
    assert.deepEqual(await pending(), ['salt 3'])
    await outbox.delivered({ keyring: 'salt', revision: 3 })
    assert.deepEqual(await pending(), [])
    await save('salt', 1)
    assert.deepEqual(await pending(), ['salt 4'])
  })

  it('keeps every revision until it is delivered, and then as many as before', async (t) => {
    const { save, outbox, pending, files } = await opened(t)
    assert.deepEqual(await pending(), [])
    await save('salt', 30)
    assert.deepEqual(await pending(), upTo(30))
    await outbox.delivered({ keyring: 'salt', revision: 30 })
    await save('salt', 1)
    assert.equal((await files('salt')).length, 8)
    await outbox.delivered({ keyring: 'salt', revision: 31 })
    await save('salt', 20)
    assert.deepEqual((await pending()).length, 20)
  })

  it('keeps nothing where nobody ever read it', async (t) => {
    const { save, files, pending } = await opened(t)
    await save('salt', 30)
    assert.equal((await files('salt')).length, 8)
    // What is left when the first reader comes is told.
    assert.equal((await pending()).length, 8)
  })

  it('tells of several keyrings by time, and of each in its order even when the clock was set back', async (t) => {
    const { clock, save, pending } = await opened(t)
    await save('salt', 1)
    await save('pepper', 1)
    clock.nowMs -= 3_600_000
    await save('salt', 1)
    clock.nowMs += 7_200_000
    await save('pepper', 1)
    assert.deepEqual(await pending(), ['salt 1', 'salt 2', 'pepper 1', 'pepper 2'])
  })

  it('is read in parts when it is long', async (t) => {
    const { outbox, save, pending } = await opened(t)
    await outbox.pending()
    await save('salt', 120)
    assert.deepEqual(await pending(), upTo(100))
    await outbox.delivered({ keyring: 'salt', revision: 100 })
    assert.equal((await pending()).length, 20)
  })

  it('of a directory that does not exist is empty, and does not make it', async (t) => {
    const { folder } = await opened(t)
    assert.deepEqual(await outboxOf(join(folder, 'absent')).pending(), [])
    assert.deepEqual(await readdir(folder), [])
  })

  it('is no keyring, and its marks are none either', async (t) => {
    const { store, save, outbox } = await opened(t)
    await save('salt', 1)
    await outbox.pending()
    await outbox.delivered({ keyring: 'salt', revision: 1 })
    assert.deepEqual(
      (await store.list()).map(({ name }) => name),
      ['salt'],
    )
    assert.deepEqual(await store.due(startMs), [])
  })

  it('says of a damaged revision that it is damaged, and passes none over', async (t) => {
    const { folder, save, outbox } = await opened(t)
    await save('salt', 3)
    await writeFile(join(folder, 'salt', '000000000002.json'), '{"keyring":')
    await assert.rejects(outbox.pending(), { code: 'STORE_DAMAGED' })
  })

  it('does not tell of a save that lost because it was overtaken', async (t) => {
    const { folder, store, save, pending } = await opened(t)
    await save('salt', 1)
    const keyring = (await store.load('salt')) ?? assert.fail()
    const details = {
      toJSON: () => spawnSync(process.execPath, [writer, folder, 'salt', 'fast', '12'], { input: '' }).status,
    }
    assert.equal(await store.save(keyring, keyring, { ...about(0), details: { details } }), undefined)
    assert.deepEqual(
      await pending(),
      Array.from({ length: 8 }, (_, n) => `salt ${n + 6}`),
    )
  })

  it('loses nothing, and tells nothing twice, while two save and one reads', async (t) => {
    const { folder, save, outbox } = await opened(t)
    await save('salt', 1)
    await outbox.pending()
    const got: number[] = []
    const take = async () => {
      for (const entry of await outbox.pending()) {
        got.push(entry.revision)
        await outbox.delivered(entry)
      }
    }
    const other = directoryStore(folder, () => startMs)
    const writing = ['left', 'right'].map(async () => {
      for (let saved = 0; saved < 25; ) {
        const current = await other.load('salt')
        if (current && (await other.save(current, current, about(0)))) saved += 1
      }
    })
    let isOver = false
    const over = Promise.all(writing).then(() => {
      isOver = true
    })
    while (!isOver) await take()
    await over
    await take()
    assert.deepEqual(
      got,
      Array.from({ length: 51 }, (_, n) => n + 1),
    )
  })
})
