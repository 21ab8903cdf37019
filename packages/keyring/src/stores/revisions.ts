/**
 * A document that several processes of one machine change: a folder in which each revision is a file, named by its number.
 *
 * A revision is written beside its place, brought to disk, and then hard-linked into it: `link` fails when the name exists,
 * and that is the compare-and-swap. A reader takes the highest number, so a crash between any two system calls leaves either
 * the old document or the new one, and no lock behind.
 */
import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** How many are kept: for a person to look at, and so that a slow writer finds its number taken. */
const revisionsKept = 8

/**
 * Writes a revision that follows the one that was read. Errors of the file system pass through.
 *
 * @param folder made when missing, readable by its owner only
 * @param needlessUpTo older revisions are kept all the same when they are past this one
 * @returns false when another writer took that revision
 */
export async function writeRevision(
  folder: string,
  revision: number,
  text: string,
  needlessUpTo: () => Promise<number> = async () => revision,
): Promise<boolean> {
  await makeFolder(folder)
  if (!(await linkInto(folder, revision, text))) return false
  if (await overtaken(folder, revision)) {
    await rm(fileOf(folder, revision), { force: true })
    return false
  }
  await prune(folder, revision, needlessUpTo)
  return true
}

/**
 * The newest revision, and its number. Errors of the file system pass through.
 *
 * @returns `undefined` when there is none
 */
export async function newestText(folder: string): Promise<{ revision: number; text: string } | undefined> {
  const revision = await newestRevision(folder)
  if (revision === 0) return undefined
  const text = await textOf(folder, revision)
  // Pruned by a writer that is more than `revisionsKept` ahead of this reader: what is newest has moved on.
  return text === undefined ? newestText(folder) : { revision, text }
}

/** `undefined` when the revision is not kept any more. */
export async function textOf(folder: string, revision: number): Promise<string | undefined> {
  return readFile(fileOf(folder, revision), 'utf8').catch(unlessMissing)
}

/** The numbers of the revisions in a folder, in order. */
export async function revisionsIn(folder: string): Promise<number[]> {
  const numbers = (await entriesOf(folder)).flatMap(
    (entry) => /^(\d{12})\.json$/.exec(entry.name)?.slice(1).map(Number) ?? [],
  )
  return numbers.sort((one, other) => one - other)
}

/** 0 when there is none. */
export async function newestRevision(folder: string): Promise<number> {
  return (await revisionsIn(folder)).at(-1) ?? 0
}

export function fileOf(folder: string, revision: number): string {
  return join(folder, `${numbered(revision)}.json`)
}

/** Numbers as they stand in names of files. */
export function numbered(revision: number): string {
  return String(revision).padStart(12, '0')
}

/** What lies in a folder; nothing, when it is not there. */
export async function entriesOf(folder: string) {
  return (await readdir(folder, { withFileTypes: true }).catch(unlessMissing)) ?? []
}

export function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

async function makeFolder(folder: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (made === undefined) return
  // A new folder is only as durable as those it stands in.
  for (let at = folder; at !== dirname(made); at = dirname(at)) await syncFolder(dirname(at))
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
 * Others may write so often while a slow writer is at it that its number was taken, and pruned, before it links: then `link`
 * succeeds and means nothing. Whoever is that far behind has lost, and nobody may take what he wrote for a change.
 */
async function overtaken(folder: string, revision: number): Promise<boolean> {
  return (await newestRevision(folder)) >= revision + revisionsKept
}

async function prune(folder: string, newest: number, needlessUpTo: () => Promise<number>): Promise<void> {
  const old = (await revisionsIn(folder)).filter((revision) => revision <= newest - revisionsKept)
  if (old.length === 0) return
  const upTo = await needlessUpTo()
  const needless = old.filter((revision) => revision <= upTo)
  await Promise.all(needless.map((revision) => rm(fileOf(folder, revision), { force: true })))
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
