/** What the files of a directory store say: a folder for each keyring, and in it a file for each revision that is kept. */
import { KeyringError } from '../error.ts'
import { isKeyringName, type Keyring } from '../lifecycle/keyring.ts'
import type { AnyPolicy } from '../policy/client.ts'
import { entriesOf, fileOf, newestText, textOf } from './revisions.ts'
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

/**
 * @returns `undefined` when there is none
 * @throws KeyringError `STORE_DAMAGED`
 */
export async function newestSaved<P extends AnyPolicy>(folder: string): Promise<Saved<P> | undefined> {
  const found = await newestText(folder)
  return found && parse<P>(found.text, fileOf(folder, found.revision), found.revision)
}

/**
 * @returns `undefined` when the revision is not kept any more
 * @throws KeyringError `STORE_DAMAGED`
 */
export async function readSaved<P extends AnyPolicy>(
  folder: string,
  revision: number,
): Promise<{ saved: Saved<P>; text: string } | undefined> {
  const text = await textOf(folder, revision)
  return text === undefined ? undefined : { saved: parse<P>(text, fileOf(folder, revision), revision), text }
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
