/**
 * A JSON document that several processes of one machine change: a folder in which each revision is a file, named by its
 * number. A revision is written beside its place, brought to disk, and then hard-linked into it: `link` fails when the name
 * exists, so that of any number of writers who started from the same revision one wins. A crash between any two system
 * calls leaves either the old document or the new one, and no lock behind.
 */
import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

// So that a slow writer finds its number taken, and a person can look at what was before.
const revisionsKept = 8

/** @returns `undefined` when there is none */
export async function newestText(folder: string): Promise<{ revision: number; text: string } | undefined> {
  const revision = (await revisionsIn(folder)).at(-1)
  if (revision === undefined) return undefined
  const text = await readFile(fileOf(folder, revision), 'utf8').catch(unlessMissing)
  // Pruned by a writer that is far ahead of this reader: what is newest has moved on.
  return text === undefined ? newestText(folder) : { revision, text }
}

/** @returns false when somebody else wrote that revision */
export async function writeRevision(folder: string, revision: number, text: string): Promise<boolean> {
  await makeFolder(folder)
  const draft = join(folder, `.${randomUUID()}.draft`)
  try {
    await writeDurably(draft, text)
    await link(draft, fileOf(folder, revision))
    await syncFolder(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(draft, { force: true })
  }
  return !(await overtaken(folder, revision)) && (await prune(folder, revision))
}

/** Others may write so often while a slow writer is at it that its number was taken, and pruned, before it links. */
async function overtaken(folder: string, revision: number): Promise<boolean> {
  const newest = (await revisionsIn(folder)).at(-1) ?? 0
  if (newest < revision + revisionsKept) return false
  await rm(fileOf(folder, revision), { force: true })
  return true
}

async function prune(folder: string, newest: number): Promise<true> {
  const old = (await revisionsIn(folder)).filter((revision) => revision <= newest - revisionsKept)
  await Promise.all(old.map((revision) => rm(fileOf(folder, revision), { force: true })))
  return true
}

async function revisionsIn(folder: string): Promise<number[]> {
  const names = (await readdir(folder).catch(unlessMissing)) ?? []
  return names.flatMap((name) => /^(\d{12})\.json$/.exec(name)?.slice(1).map(Number) ?? []).sort((a, b) => a - b)
}

async function makeFolder(folder: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true, mode: 0o700 })
  // A new folder is only as durable as the one it stands in.
  if (made !== undefined) await syncFolder(dirname(made))
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

function fileOf(folder: string, revision: number): string {
  return join(folder, `${String(revision).padStart(12, '0')}.json`)
}

export function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
