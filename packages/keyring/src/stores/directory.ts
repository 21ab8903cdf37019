/**
 * A store in a directory of files, for software that has no database.
 *
 * Each keyring is a folder; each revision is a file in it, named by its number. A revision is written beside its place
 * and then hard-linked into it: `link` fails when the name exists, and that is the compare-and-swap. A reader takes the
 * highest number, so a crash between any two system calls leaves either the old document or the new one.
 */
import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { KeyringError } from '../error.ts'
import { isKeyringName, type Keyring, stamp } from '../lifecycle/keyring.ts'
import { type Change, type KeyringStore, nextDecisionAt } from './store.ts'

/** How many revisions are kept: for a human to look at, and so that a slow writer finds its number taken. */
const revisionsKept = 8

interface Entry {
  keyring: Keyring
  dueAt: number | null
  change: Change
  savedAt: number
}

/**
 * @param folder made when missing, readable by its owner only
 * @throws KeyringError `STORE_DAMAGED` when a document cannot be read back; errors of the file system pass through
 */
export function directoryStore(folder: string, clock: Clock): KeyringStore {
  // A name may come from a URL: one that climbs out of the folder names nothing here.
  const load = async (name: string) => (isKeyringName(name) ? (await newest(join(folder, name)))?.keyring : undefined)
  const names = async () =>
    (await entriesOf(folder)).flatMap((entry) => (entry.isDirectory() && isKeyringName(entry.name) ? entry.name : []))
  return {
    load,
    list: async () => (await Promise.all((await names()).sort().map(load))).flatMap((keyring) => keyring ?? []),
    due: async (now) => {
      const rows = await Promise.all((await names()).map((name) => newest(join(folder, name))))
      return rows.flatMap((row) => (row && row.dueAt !== null && row.dueAt <= now ? [row.keyring.name] : []))
    },
    save: (previous, next, change) => save(join(folder, next.name), previous, next, change, clock()),
    now: async () => clock(),
  }
}

async function save(folder: string, previous: Keyring | undefined, next: Keyring, change: Change, now: number) {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if ((await newestRevision(folder)) !== (previous?.revision ?? 0)) return undefined
  const keyring = stamp(previous, next, (previous?.revision ?? 0) + 1)
  const entry: Entry = { keyring, dueAt: nextDecisionAt(keyring, now), change, savedAt: now }
  const won = await linkInto(folder, keyring.revision, JSON.stringify(entry))
  if (!won || (await overtaken(folder, keyring.revision))) return undefined
  await prune(folder, keyring.revision)
  return keyring
}

/** @returns false when another writer already took that revision */
async function linkInto(folder: string, revision: number, text: string): Promise<boolean> {
  const draft = join(folder, `.${randomUUID()}.draft`)
  try {
    await writeDurably(draft, text)
    await link(draft, join(folder, fileOf(revision)))
    await syncFolder(folder)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

/**
 * Others may save so often while a slow writer is at it that its number was taken, and pruned, before it links: then `link`
 * succeeds and means nothing. Whoever is that far behind has lost.
 */
async function overtaken(folder: string, revision: number): Promise<boolean> {
  return (await newestRevision(folder)) >= revision + revisionsKept
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder)
  await handle.sync().finally(() => handle.close())
}

async function newest(folder: string): Promise<Entry | undefined> {
  const revision = await newestRevision(folder)
  if (revision === 0) return undefined
  const path = join(folder, fileOf(revision))
  try {
    return parse(await readFile(path, 'utf8'), path, revision)
  } catch (error) {
    // Pruned by a writer that is more than `revisionsKept` ahead of this reader: what is newest has moved on.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return newest(folder)
    throw error
  }
}

function parse(text: string, path: string, revision: number): Entry {
  const damaged = (cause?: unknown) =>
    new KeyringError('STORE_DAMAGED', `${path} is not the document that was written`, { path }, { cause })
  try {
    const entry: Entry | null = JSON.parse(text)
    if (entry?.keyring?.revision === revision && Array.isArray(entry.keyring.versions)) return entry
  } catch (cause) {
    throw damaged(cause)
  }
  throw damaged()
}

async function newestRevision(folder: string): Promise<number> {
  return Math.max(0, ...(await revisions(folder)))
}

async function revisions(folder: string): Promise<number[]> {
  return (await entriesOf(folder)).flatMap((entry) => /^(\d{12})\.json$/.exec(entry.name)?.slice(1).map(Number) ?? [])
}

async function prune(folder: string, newestSaved: number): Promise<void> {
  const old = (await revisions(folder)).filter((revision) => revision <= newestSaved - revisionsKept)
  await Promise.all(old.map((revision) => rm(join(folder, fileOf(revision)), { force: true })))
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

const fileOf = (revision: number) => `${String(revision).padStart(12, '0')}.json`
