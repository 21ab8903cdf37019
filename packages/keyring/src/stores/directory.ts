/**
 * A store in a directory of files, for software that has no database.
 *
 * Each keyring is a folder; each revision is a file in it, named by its number. A revision is written beside its place
 * and then hard-linked into it: `link` fails when the name exists, and that is the compare-and-swap. A reader takes the
 * highest number, so a crash between any two system calls leaves either the old document or the new one.
 */
import { randomUUID } from 'node:crypto'
import { link, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { isKeyringName, type Keyring, stamp } from '../lifecycle/keyring.ts'
import type { AnyPolicy } from '../policy/client.ts'
import type { Policy } from '../policy/signing.ts'
import { deliveredUpTo } from './outbox.ts'
import { fileOf, keyringsIn, newestRevision, readRevision, revisionsIn, type Saved } from './revisions.ts'
import { type Change, type KeyringStore, nextDecisionAt } from './store.ts'

/**
 * How many revisions are kept: for a human to look at, and so that a slow writer finds its number taken. Where somebody reads
 * the outbox, also all that were not delivered.
 */
const revisionsKept = 8

/**
 * @param folder made when missing, readable by its owner only
 * @throws KeyringError `STORE_DAMAGED` when a document cannot be read back; errors of the file system pass through
 */
export function directoryStore<P extends AnyPolicy = Policy>(folder: string, clock: Clock): KeyringStore<P> {
  // A name may come from a URL: one that climbs out of the folder names nothing here.
  const load = async (name: string) =>
    isKeyringName(name) ? (await newest<P>(join(folder, name)))?.keyring : undefined
  return {
    load,
    list: async () => (await Promise.all((await keyringsIn(folder)).map(load))).flatMap((keyring) => keyring ?? []),
    due: async (now) => {
      const rows = await Promise.all((await keyringsIn(folder)).map((name) => newest<P>(join(folder, name))))
      return rows.flatMap((row) => (row && row.dueAt !== null && row.dueAt <= now ? [row.keyring.name] : []))
    },
    save: (previous, next, change) => save(folder, previous, next, change, clock()),
    now: async () => clock(),
  }
}

async function save<P extends AnyPolicy>(
  store: string,
  previous: Keyring<P> | undefined,
  next: Keyring<P>,
  change: Change,
  now: number,
) {
  const folder = join(store, next.name)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if ((await newestRevision(folder)) !== (previous?.revision ?? 0)) return undefined
  const keyring = stamp(previous, next, (previous?.revision ?? 0) + 1)
  const saved: Saved<P> = { keyring, dueAt: nextDecisionAt(keyring, now), change, savedAt: now }
  const won = await linkInto(folder, keyring.revision, JSON.stringify(saved))
  if (!won) return undefined
  if (await overtaken(folder, keyring.revision)) {
    await rm(fileOf(folder, keyring.revision), { force: true })
    return undefined
  }
  await prune(store, next.name, keyring.revision)
  return keyring
}

/** @returns false when another writer already took that revision */
async function linkInto(folder: string, revision: number, text: string): Promise<boolean> {
  const draft = join(folder, `.${randomUUID()}.draft`)
  try {
    await writeDurably(draft, text)
    await link(draft, fileOf(folder, revision))
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
 * succeeds and means nothing. Whoever is that far behind has lost, and nobody may take what he wrote for a change.
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

async function newest<P extends AnyPolicy>(folder: string): Promise<Saved<P> | undefined> {
  const revision = await newestRevision(folder)
  if (revision === 0) return undefined
  // Pruned by a writer that is more than `revisionsKept` ahead of this reader: what is newest has moved on.
  return (await readRevision<P>(folder, revision))?.saved ?? newest(folder)
}

async function prune(store: string, name: string, newestSaved: number): Promise<void> {
  const folder = join(store, name)
  const old = (await revisionsIn(folder)).filter((revision) => revision <= newestSaved - revisionsKept)
  if (old.length === 0) return
  const upTo = await deliveredUpTo(store, name)
  const needless = old.filter((revision) => revision <= upTo)
  await Promise.all(needless.map((revision) => rm(fileOf(folder, revision), { force: true })))
}
