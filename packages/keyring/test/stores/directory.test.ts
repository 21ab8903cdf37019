import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, type TestContext } from 'node:test'
import { systemClock } from '../../src/clock.ts'
import type { Keyring } from '../../src/lifecycle/keyring.ts'
import { requestRotation } from '../../src/lifecycle/transition.ts'
import { ensureKeyring } from '../../src/loop/ensure.ts'
import type { AnyPolicy } from '../../src/policy/client.ts'
import { defaultPolicy } from '../../src/policy/signing.ts'
import { directoryStore } from '../../src/stores/directory.ts'
import type { Change } from '../../src/stores/store.ts'
import { material, settled } from '../samples.ts'
import { conformsToClientStore, conformsToStore, type StoreUnderTest } from './conformance.ts'

const writer = join(import.meta.dirname, 'writer.ts')
const about: Change = { action: 'keyring.changed', actor: 'ops', details: {} }
const temporary = () => mkdtemp(join(tmpdir(), 'rekey-directory-'))
const fileOf = (revision: number) => `${String(revision).padStart(12, '0')}.json`

conformsToStore('the store in a directory', open)
conformsToClientStore('the store in a directory, of what clients hold', open)

async function open<P extends AnyPolicy>(): Promise<StoreUnderTest<P>> {
  const folder = await temporary()
  const recorded: { name: string; change: Change }[] = []
  // Only the last revisions are kept, so the changes are collected from the files as they come.
  const watched = () => {
    const store = directoryStore<P>(folder, systemClock)
    return {
      ...store,
      save: async (...given: Parameters<typeof store.save>) => {
        const keyring = await store.save(...given)
        if (keyring) recorded.push({ name: keyring.name, change: await changeIn(folder, keyring) })
        return keyring
      },
    }
  }
  return {
    store: watched(),
    other: watched(),
    changes: async (name) => recorded.filter((entry) => entry.name === name).map(({ change }) => change),
    close: () => rm(folder, { recursive: true }),
  }
}

async function changeIn(folder: string, { name, revision }: Pick<Keyring, 'name' | 'revision'>): Promise<Change> {
  return JSON.parse(await readFile(join(folder, name, fileOf(revision)), 'utf8')).change
}

describe('a directory of keyrings', () => {
  let folder = ''
  before(async () => {
    folder = await temporary()
  })
  after(() => rm(folder, { recursive: true }))

  const store = () => directoryStore(folder, systemClock)
  async function created(name: string): Promise<Keyring> {
    return (await store().save(undefined, settled(name, systemClock()), about)) ?? assert.fail('it exists already')
  }
  const asked = (keyring: Keyring, by = 'ops') => requestRotation(keyring, { by, forced: true }, 1)

  it('can be read by its owner only', async () => {
    const { name } = await created('private')
    assert.equal((await stat(join(folder, name))).mode & 0o777, 0o700)
    assert.equal((await stat(join(folder, name, fileOf(1)))).mode & 0o777, 0o600)
  })

  it('that does not exist yet has no keyrings', async () => {
    const absent = directoryStore(join(folder, 'absent'), systemClock)
    assert.deepEqual([await absent.list(), await absent.due(systemClock())], [[], []])
  })

  it('has no keyrings in what else lies in it', async () => {
    await created('beside')
    await mkdir(join(folder, 'lost+found'))
    await mkdir(join(folder, 'empty'))
    await writeFile(join(folder, 'a-file'), 'text')
    const names = (await store().list()).map(({ name }) => name)
    assert.ok(names.includes('beside'))
    assert.equal(names.filter((name) => ['lost+found', 'empty', 'a-file'].includes(name)).length, 0)
  })

  it('reads past what a crash left behind', async () => {
    const keyring = await created('crashed')
    // Killed before its link: the draft, half written. Killed after it: draft and revision are the same file.
    await writeFile(join(folder, 'crashed', '.0e1f.draft'), '{"keyring":{"na')
    assert.deepEqual(await store().load('crashed'), keyring)
    const next = await store().save(keyring, asked(keyring), about)
    assert.deepEqual(await store().load('crashed'), next)
  })

  it('keeps the last eight revisions', async () => {
    let keyring = await created('pruned')
    for (let save = 2; save <= 20; save++) keyring = (await store().save(keyring, keyring, about)) ?? assert.fail()
    const expected = Array.from({ length: 8 }, (_, n) => fileOf(13 + n))
    assert.deepEqual((await readdir(join(folder, 'pruned'))).sort(), expected)
  })

  for (const [index, text] of ['', '{"keyring":{"na', 'null', '{}', '[]', '{"keyring":{"revision":1}}'].entries()) {
    it(`refuses to work from a damaged document: ${JSON.stringify(text)}`, async () => {
      const { name } = await created(`damaged-${index}`)
      const path = join(folder, name, fileOf(2))
      await writeFile(path, text)
      const damaged = { name: 'KeyringError', code: 'STORE_DAMAGED', facts: { path } }
      await assert.rejects(store().load(name), damaged)
      await assert.rejects(store().list(), damaged)
      const hands = { store: store(), make: async () => material('any') }
      await assert.rejects(ensureKeyring(hands, { name, algorithm: 'ES256', policy: defaultPolicy }), damaged)
      await rm(join(folder, name), { recursive: true })
    })
  }

  it('loses nothing when two processes write at once', async () => {
    const count = 15
    const first = await created('raced')
    const writers = ['left', 'right'].map((id) => spawn(process.execPath, [writer, folder, 'raced', id, `${count}`]))
    for (const child of writers) child.stderr.pipe(process.stderr)
    const ends = writers.map((child) => once(child, 'exit'))
    for (const child of writers) child.stdin.end()
    assert.deepEqual(await Promise.all(ends), [
      [0, null],
      [0, null],
    ])
    const raced = (await store().load('raced')) ?? assert.fail()
    assert.equal(raced.revision, first.revision + 2 * count)
    const expected = ['left', 'right'].flatMap((id) => Array.from({ length: count }, (_, n) => `${id}-${n}`))
    assert.deepEqual(raced.versions.map(({ id }) => id).sort(), ['first', 'second', ...expected].sort())
  })

  it('lets nobody believe that he won who was overtaken by more revisions than are kept', async () => {
    const keyring = await created('overtaken')
    // While the slow writer puts its document into words, another process saves until the slow one's number is free again.
    const details = {
      toJSON: () => {
        const { status } = spawnSync(process.execPath, [writer, folder, 'overtaken', 'fast', '12'], { input: '' })
        return { status }
      },
    }
    assert.equal(await store().save(keyring, asked(keyring, 'slow'), { ...about, details }), undefined)
    const current = (await store().load('overtaken')) ?? assert.fail()
    assert.deepEqual([current.revision, current.rotation, current.versions.length], [13, undefined, 14])
  })

  it('on a full disk refuses the save and keeps what it has', async (t) => {
    const disk = await smallDisk(t)
    if (!disk) return
    const small = directoryStore(join(disk, 'keyrings'), systemClock)
    const keyring = await small.save(undefined, settled('signing', systemClock()), about)
    if (!keyring) assert.fail('nobody else saves')
    const { bavail, bsize } = await statfs(disk)
    const ballast = join(disk, 'ballast')
    await writeFile(ballast, Buffer.alloc(bavail * bsize))
    await assert.rejects(small.save(keyring, asked(keyring), about), { code: 'ENOSPC' })
    assert.deepEqual(await small.load('signing'), keyring)
    assert.deepEqual(await readdir(join(disk, 'keyrings/signing')), [fileOf(1)])
    await rm(ballast)
    const next = await small.save(keyring, asked(keyring), about)
    assert.deepEqual(await small.load('signing'), next)
  })
})

/** A disk of 256 KiB, or `undefined` where this process may not mount one. */
async function smallDisk(t: TestContext): Promise<string | undefined> {
  const disk = await temporary()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk], { stdio: 'pipe' })
  } catch (error) {
    t.skip(`NOT TESTED: no tmpfs can be mounted here (${String(error).split('\n')[0]})`)
    await rm(disk, { recursive: true })
    return undefined
  }
  t.after(async () => {
    execFileSync('umount', [disk])
    await rm(disk, { recursive: true })
  })
  return disk
}
