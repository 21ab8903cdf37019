import {
  type AuditSigner,
  type DatabaseTables,
  type HeldRootKeys,
  type RootKey,
  type RootKeyList,
  whoLacksRootKey,
} from '@rekey/database'
import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import { every } from '../every.ts'
import { type StoredUnder, sealedUnder } from './hanging.ts'

const lookEveryMs = 1_000

/** The root keys of an instance, by their ids. */
export interface RootKeys {
  readonly newest: string
  /** Under which is sealed: the newest that every live instance holds. */
  readonly sealing: string
  /** The newest first. */
  readonly ids: readonly string[]
  /** The addresses of those live instances that do not hold it. */
  lackedBy(id: string): Promise<string[]>
}

/** The root keys as they are held at the moment that they are looked at. */
export function shownRootKeys<Tables extends DatabaseTables>(held: HeldRootKeys, db: Kysely<Tables>): RootKeys {
  return {
    get newest() {
      return held.ids[0] ?? held.sealing.id
    },
    get sealing() {
      return held.sealing.id
    },
    get ids() {
      return held.ids
    },
    lackedBy: async (id) => (await whoLacksRootKey(db))(id),
  }
}

/** Finds out which of the root keys seals, by what the database says. */
export function settleRootKeys<Tables extends DatabaseTables>(
  held: HeldRootKeys,
  db: Kysely<Tables>,
  storedUnder: StoredUnder,
): Promise<void> {
  return held.settle(db, async () => Object.keys(await storedUnder()))
}

/**
 * Reads the root keys again each second, and finds out which of them seals: a changed file takes effect without a restart.
 * What is no list of root keys changes nothing.
 *
 * @returns ends it
 */
export function watchRootKeys<Tables extends DatabaseTables>(
  held: HeldRootKeys,
  db: Kysely<Tables>,
  storedUnder: StoredUnder,
  signer: AuditSigner,
  log: Logger,
): () => Promise<void> {
  let told = ''
  let missed = ''
  async function look(): Promise<void> {
    const before = held.sealing.id
    const [read] = await Promise.allSettled([held.read()])
    if (read.status === 'fulfilled') await compare(read.value)
    // What others may have begun to seal under meanwhile does not wait for a source that is away.
    await settleRootKeys(held, db, storedUnder)
    if (held.sealing.id !== before) log.info({ rootKeyId: held.sealing.id }, 'sealing under another root key')
    if (read.status === 'rejected') throw read.reason
    told = ''
  }
  async function compare(read: RootKeyList): Promise<void> {
    const needed = await stillNeeded(held, read, () => sealedUnder(db, storedUnder, signer))
    const keys: RootKeyList = [...read, ...needed]
    // Not named as a key is, or the log would hide them.
    const rootKeyIds = idsOf(needed)
    if (missed !== String(rootKeyIds) && needed.length > 0) {
      log.warn({ rootKeyIds }, 'a root key left its source and is still needed: no restart without it')
    }
    missed = String(rootKeyIds)
    if (String(idsOf(keys)) !== String(idsOf(held.given))) {
      held.take(keys)
      log.info({ rootKeyIds: held.ids }, 'the root keys were changed')
    }
  }
  return every(lookEveryMs, look, (error) => {
    // Each second would be too often for a file that stays wrong.
    if (told !== String(error)) log.error({ err: error }, 'the root keys could not be read again')
    told = String(error)
  })
}

/** One that left the source is held on to while it seals, or something hangs on it: without it nothing could be signed. */
async function stillNeeded(held: HeldRootKeys, read: RootKeyList, hanging: StoredUnder): Promise<RootKey[]> {
  const left = held.all.filter(({ id }) => !read.some((key) => key.id === id))
  if (left.length === 0) return []
  const sealed = await hanging()
  return left.filter(({ id }) => id === held.sealing.id || sealed[id] !== undefined)
}

const idsOf = (keys: readonly RootKey[]) => keys.map(({ id }) => id)
