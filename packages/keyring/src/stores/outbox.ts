/**
 * The changes of a directory store on their way to an audit that is elsewhere. Each revision's file says what changed; from the
 * moment that somebody first asks for what is pending (`<store>/.outbox` tells) no revision is cleared away that was not
 * delivered. How far that is stands in the name of an empty file in `<store>/<keyring>/delivered`.
 */
import { hash } from 'node:crypto'
import { access, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { entriesOf, newestRevision, numbered, revisionsIn, unlessMissing } from './revisions.ts'
import { keyringsIn, readSaved } from './saved.ts'
import type { Change } from './store.ts'

/** Of each keyring, so that a long backlog is not read at once. */
const mostAtOnce = 100

/** A change that was saved in a directory store. */
export interface OutboxEntry {
  /** A UUID, the same whenever and by whomever the entry is read. */
  id: string
  /** When it was saved, by the clock of the store; milliseconds since the epoch. */
  at: number
  keyring: string
  revision: number
  change: Change
}

export interface Outbox {
  /** What was not delivered yet, a part of it if it is much: of each keyring in the order in which it was saved. */
  pending(): Promise<OutboxEntry[]>
  /** Notes that an entry, and all before it of the same keyring, arrived. */
  delivered(entry: Pick<OutboxEntry, 'keyring' | 'revision'>): Promise<void>
}

/**
 * The outbox of the directory store in `folder`. Any number of readers may deliver at once, and may die at any moment: an entry
 * is then delivered again under the same id. A store that is not there yet has nothing pending.
 *
 * Both functions throw KeyringError `STORE_DAMAGED` for a revision that cannot be read back, and errors of the file system.
 */
export function outboxOf(folder: string): Outbox {
  return {
    pending: async () => {
      await writeFile(markerOf(folder), '', { flag: 'a', mode: 0o600 }).catch(unlessMissing)
      const names = await keyringsIn(folder)
      return inOrder(await Promise.all(names.map((name) => pendingOf(folder, name))))
    },
    delivered: ({ keyring, revision }) => noteDelivered(join(folder, keyring, 'delivered'), revision),
  }
}

/** Up to which revision a keyring's may be cleared away; all of them where nobody reads the outbox. */
export async function deliveredUpTo(folder: string, name: string): Promise<number> {
  const isRead = await access(markerOf(folder)).then(() => true, unlessMissing)
  return isRead ? newestNoted(join(folder, name, 'delivered')) : Number.POSITIVE_INFINITY
}

/** No keyring can have that name. */
const markerOf = (folder: string) => join(folder, '.outbox')

async function pendingOf(folder: string, name: string): Promise<OutboxEntry[]> {
  const own = join(folder, name)
  const noted = await newestNoted(join(own, 'delivered'))
  // Listing a folder may pass over what is put there meanwhile, and yet see what came after it: what is older than the newest
  // one of a first list is sure to stand in a second one.
  const newest = await newestRevision(own)
  const revisions = (await revisionsIn(own)).filter((revision) => revision > noted && revision <= newest)
  const entries = await Promise.all(revisions.slice(0, mostAtOnce).map((revision) => entryOf(own, name, revision)))
  return entries.flatMap((entry) => entry ?? [])
}

async function entryOf(folder: string, keyring: string, revision: number): Promise<OutboxEntry | undefined> {
  const read = await readSaved(folder, revision)
  // Delivered by somebody else, and cleared away.
  if (!read) return undefined
  const { change, savedAt: at } = read.saved
  return { id: idOf(`${keyring}\n${revision}\n${read.text}`), at, keyring, revision, change }
}

/** A UUID of one's own making (version 8, RFC 9562 §5.8). */
function idOf(text: string): string {
  const bytes = hash('sha256', text, 'buffer').subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** By time; but a clock that was set back does not change the order within a keyring. */
function inOrder(keyrings: OutboxEntry[][]): OutboxEntry[] {
  const timed = keyrings.flatMap((entries) => {
    let latest = 0
    return entries.map((entry) => {
      latest = Math.max(latest, entry.at)
      return { entry, at: latest }
    })
  })
  return timed.sort((one, other) => one.at - other.at).map(({ entry }) => entry)
}

/** The greatest number counts, so that of two who note at once neither takes anything back. */
async function noteDelivered(folder: string, revision: number): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(join(folder, numbered(revision)), '', { flag: 'a', mode: 0o600 })
  const older = (await notesIn(folder)).filter((noted) => noted < revision)
  await Promise.all(older.map((noted) => rm(join(folder, numbered(noted)), { force: true })))
}

async function newestNoted(folder: string): Promise<number> {
  return Math.max(0, ...(await notesIn(folder)))
}

async function notesIn(folder: string): Promise<number[]> {
  return (await entriesOf(folder)).flatMap(({ name }) => (/^\d{12}$/.test(name) ? [Number(name)] : []))
}
