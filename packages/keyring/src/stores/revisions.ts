/** The files of a directory store: a folder for each keyring, and in it a file for each revision that is kept. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KeyringError } from '../error.ts'
import { isKeyringName, type Keyring } from '../lifecycle/keyring.ts'
import type { AnyPolicy } from '../policy/client.ts'
import type { Change } from './store.ts'

/** What the file of a revision says. */
export interface Saved<P extends AnyPolicy> {
  keyring: Keyring<P>
  dueAt: number | null
  change: Change
  savedAt: number
}

/** The names of the keyrings in a store, in order. */
export async function keyringsIn(store: string): Promise<string[]> {
  const entries = (await entriesOf(store)).filter((entry) => entry.isDirectory() && isKeyringName(entry.name))
  return entries.map(({ name }) => name).sort()
}

/** The numbers of the revisions in the folder of a keyring, in order. */
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

/**
 * @returns `undefined` when the revision is not kept any more
 * @throws KeyringError `STORE_DAMAGED`
 */
export async function readRevision<P extends AnyPolicy>(
  folder: string,
  revision: number,
): Promise<{ saved: Saved<P>; text: string } | undefined> {
  const path = fileOf(folder, revision)
  const text = await readFile(path, 'utf8').catch(unlessMissing)
  return text === undefined ? undefined : { saved: parse<P>(text, path, revision), text }
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

function parse<P extends AnyPolicy>(text: string, path: string, revision: number): Saved<P> {
  const damaged = (cause?: unknown) =>
    new KeyringError('STORE_DAMAGED', `${path} is not the document that was written`, { path }, { cause })
  try {
    const saved: Saved<P> | null = JSON.parse(text)
    if (saved?.keyring?.revision === revision && Array.isArray(saved.keyring.versions)) return saved
  } catch (cause) {
    throw damaged(cause)
  }
  throw damaged()
}
