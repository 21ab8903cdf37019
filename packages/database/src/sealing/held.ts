import { type Kysely, sql, type Transaction } from 'kysely'
import { ownTables } from '../audit/own-tables.ts'
import { recordEvent } from '../audit/record.ts'
import { auditSigner } from '../audit/signer.ts'
import { DatabaseError } from '../error.ts'
import type { AnnouncedKeys } from '../instances/ledger.ts'
import type { DatabaseTables } from '../tables.ts'
import { type RootKey, type RootKeyList, rootKeyReader } from './root-key.ts'
import type { SealingKeys } from './seal.ts'
import { usedRootKeys } from './used.ts'

type Db = Kysely<DatabaseTables>

/** Tells the ids of all root keys that something stored is sealed under. */
export type SealedUnder = () => Promise<readonly string[]>

/**
 * The root keys that an instance holds, and under which of them it seals.
 *
 * It opens by any, and seals under the newest that every live instance holds: nobody may be left unable to read what others
 * write. What was sealed under once is written down. From then on nobody seals under an older one, whatever the order in which
 * they are given, and an instance that does not hold it does not start: a forgotten copy of the old file must not bring back a
 * root key that leaked.
 */
export class HeldRootKeys implements SealingKeys, AnnouncedKeys {
  /** Reads the source again. What is read is not held before `take`. */
  readonly read: () => Promise<RootKeyList>
  #given: RootKeyList
  /** Given no more, and held until nobody can begin to seal under them because of what our row said. */
  #leaving: readonly RootKey[] = []
  /** That were sealed under, in the order in which that began. */
  #taken: readonly string[] = []
  /** What our row may say. */
  #said: readonly string[] = []
  #all: RootKeyList
  #sealing: RootKey
  #hasOpened = false
  #settling: Promise<unknown> = Promise.resolve()

  private constructor(read: () => Promise<RootKeyList>, keys: RootKeyList) {
    this.read = read
    this.#given = keys
    this.#all = keys
    this.#sealing = oldestOf(keys)
  }

  /** @throws DatabaseError as `readRootKeys` */
  static async open(source: string, env: NodeJS.ProcessEnv): Promise<HeldRootKeys> {
    const read = rootKeyReader(source, env)
    return new HeldRootKeys(read, await read())
  }

  /** The newest first. */
  get all(): RootKeyList {
    return this.#all
  }

  get sealing(): RootKey {
    return this.#sealing
  }

  /** As they were given. */
  get given(): RootKeyList {
    return this.#given
  }

  /** Those that others may count on, the newest first. */
  get ids(): string[] {
    const newest = this.#taken.at(-1)
    return idsOf(this.#all).filter((id) => id === newest || idsOf(this.#given).includes(id))
  }

  announce(): readonly string[] {
    const { ids } = this
    this.#said = [...this.#said, ...ids]
    return ids
  }

  announced(ids: readonly string[]): void {
    this.#said = ids
  }

  /** Holds these from now on. Which of them seals is found out by `settle`; until then it is the same as before. */
  take(keys: RootKeyList): void {
    this.#leaving = this.#all.filter(({ id }) => !idsOf(keys).includes(id))
    this.#given = keys
    this.#arrange()
  }

  /** All that is stored was opened: it is not by mistake that these are held, and one of them may be written down. */
  openedAll(): void {
    this.#hasOpened = true
  }

  /**
   * Finds out which of them seals. Where that is one that nothing was sealed under before, it is written down: the first one
   * only when nothing is sealed yet, or when what is was opened by it.
   *
   * @throws DatabaseError `ROOT_KEY_MISMATCH` when others seal under one that is not held here
   */
  settle<T extends DatabaseTables>(database: Kysely<T>, sealedUnder: SealedUnder): Promise<void> {
    const settled = () => this.#settle(ownTables(database), sealedUnder)
    // One after the other: what was read before must not be taken in after what was read later.
    const settling = this.#settling.then(settled, settled)
    this.#settling = settling
    return settling
  }

  async #settle(db: Db, sealedUnder: SealedUnder): Promise<void> {
    // What our row may still say, others may take at this moment: only a row that is known, and what is read after that, tell.
    const gone = this.#leaving.filter(({ id }) => !this.#said.includes(id))
    const before = await takenKeys(db)
    const sealed = before.length === 0 ? await sealedUnder() : []
    const first = before.length === 0 ? this.#firstOf(sealed) : undefined
    const mayTake = first ? sealed.length === 0 || this.#hasOpened : await this.#following(db, before)
    this.#taken = mayTake ? await this.#takeNext(db, first) : before
    const newest = this.#taken.at(-1)
    this.#leaving = this.#leaving.filter((key) => key.id === newest || !gone.includes(key))
    this.#sealing = this.#all.find(({ id }) => id === newest) ?? first ?? this.#sealing
    this.#arrange()
  }

  /** Before any was written down: that under which things are sealed, and where there are none the newest. */
  #firstOf(sealed: readonly string[]): RootKey {
    const [some] = sealed
    const first = some === undefined ? this.#given[0] : this.#given.findLast(({ id }) => sealed.includes(id))
    if (!first) throw notHeld(some ?? '', this.ids)
    return first
  }

  /** The newest that was not sealed under yet, and that every live instance holds. */
  async #following(db: Db, taken: readonly string[]): Promise<RootKey | undefined> {
    const newest = taken.at(-1) ?? ''
    if (!idsOf(this.#all).includes(newest)) throw notHeld(newest, this.ids)
    const candidates = this.#newerThan(taken)
    if (candidates.length === 0) return undefined
    const whoLacks = await whoLacksRootKey(db)
    return candidates.find(({ id }) => whoLacks(id).length === 0)
  }

  /** What stands behind one that was sealed under is older than that, whichever it is. */
  #newerThan(taken: readonly string[]): RootKey[] {
    const place = this.#given.findIndex(({ id }) => taken.includes(id))
    return this.#given.slice(0, place < 0 ? undefined : place)
  }

  /**
   * Nobody enters or renews its lease meanwhile: each has said that it holds the key, or is refused because it does not.
   *
   * @returns those that were sealed under, then
   */
  #takeNext(db: Db, first: RootKey | undefined): Promise<string[]> {
    return db.transaction().execute(async (transaction: Transaction<DatabaseTables>) => {
      // Whoever stands still here must not keep others from renewing their leases.
      await sql`SELECT set_config('lock_timeout', '1s', true),
        set_config('idle_in_transaction_session_timeout', '2s', true)`.execute(transaction)
      await sql`LOCK TABLE instances IN SHARE ROW EXCLUSIVE MODE`.execute(transaction)
      const taken = await takenKeys(transaction)
      const next = taken.length === 0 ? first : await this.#following(transaction, taken)
      if (!next) return taken
      await takeKey(transaction, next, taken.at(-1))
      return [...taken, next.id]
    })
  }

  /** What is known of their order goes before the order in which they are given. */
  #arrange(): void {
    const newer = this.#newerThan(this.#taken)
    const held = [...this.#given, ...this.#leaving]
    const place = (key: RootKey) => (newer.includes(key) ? Number.MAX_SAFE_INTEGER : this.#taken.indexOf(key.id))
    const [newest = this.#given[0], ...others] = held.toSorted((a, b) => place(b) - place(a))
    this.#all = [newest, ...others]
    this.#sealing = held.find(({ id }) => id === this.#sealing.id) ?? oldestOf(this.#all)
  }
}

/** @returns for the id of a root key the addresses of those live instances that do not hold it */
export async function whoLacksRootKey<T extends DatabaseTables>(
  database: Kysely<T>,
): Promise<(id: string) => string[]> {
  const { rows } = await sql<{ address: string; keys: string[] | null }>`
    SELECT address, root_keys AS keys FROM instances
    WHERE lease_until > clock_timestamp() ORDER BY address`.execute(ownTables(database))
  return (id) => rows.filter(({ keys }) => !keys?.includes(id)).map(({ address }) => address)
}

/** Those that were sealed under, in the order in which that began. */
async function takenKeys(db: Db): Promise<string[]> {
  return (await usedRootKeys(db)).toReversed()
}

async function takeKey(
  transaction: Transaction<DatabaseTables>,
  root: RootKey,
  replaces: string | undefined,
): Promise<void> {
  const { id } = root
  await transaction.insertInto('root_keys').values({ id }).execute()
  if (replaces === undefined) return
  // The audit is signed by another key from here on: who reads it wants to know which.
  const details = { rootKey: id, replaces, auditSigner: auditSigner(root, 'audit').fingerprint }
  await recordEvent(transaction, { action: 'root_key.replaced', outcome: 'success', actor: 'rekey', details })
}

const idsOf = (keys: readonly { id: string }[]) => keys.map(({ id }) => id)

const oldestOf = (keys: RootKeyList): RootKey => keys.at(-1) ?? keys[0]

function notHeld(id: string, given: readonly string[]): DatabaseError {
  return new DatabaseError(
    'ROOT_KEY_MISMATCH',
    `this database is sealed under root key ${id}; given is ${given.join(', ')}: give the root key of this database`,
    { facts: { rootKey: id } },
  )
}
