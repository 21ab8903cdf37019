import { type Kysely, sql, type Transaction } from 'kysely'
import { ownTables } from '../audit/own-tables.ts'
import { recordEvent } from '../audit/record.ts'
import { auditSigner } from '../audit/signer.ts'
import { DatabaseError } from '../error.ts'
import type { DatabaseTables } from '../tables.ts'
import { type RootKey, type RootKeyList, readRootKeys } from './root-key.ts'
import type { SealingKeys } from './seal.ts'

type Db = Kysely<DatabaseTables>

/**
 * The root keys that an instance holds, and under which of them it seals.
 *
 * It opens by any, and seals under the newest that every live instance holds: nobody may be left unable to read what others
 * write. What was sealed under once is written down. From then on nobody seals under an older one, and an instance that
 * does not hold it does not start: a forgotten copy of the old file must not bring back a root key that leaked.
 */
export class HeldRootKeys implements SealingKeys {
  /** Reads the source again. What is read is not held before `take`. */
  readonly read: () => Promise<RootKeyList>
  #all: RootKeyList
  #sealing: RootKey

  private constructor(read: () => Promise<RootKeyList>, keys: RootKeyList) {
    this.read = read
    this.#all = keys
    this.#sealing = oldestOf(keys)
  }

  /** @throws DatabaseError as `readRootKeys` */
  static async open(source: string, env: NodeJS.ProcessEnv): Promise<HeldRootKeys> {
    const read = () => readRootKeys(source, env)
    return new HeldRootKeys(read, await read())
  }

  get all(): RootKeyList {
    return this.#all
  }

  get sealing(): RootKey {
    return this.#sealing
  }

  /** The newest first. */
  get ids(): string[] {
    return this.#all.map(({ id }) => id)
  }

  /** Holds these from now on. Which of them seals is found out by `settle`; until then it is the same as before. */
  take(keys: RootKeyList): void {
    this.#all = keys
    this.#sealing = keys.find(({ id }) => id === this.#sealing.id) ?? oldestOf(keys)
  }

  /**
   * Finds out which of them seals. Where that is one that nothing was sealed under before, it is written down.
   *
   * @throws DatabaseError `ROOT_KEY_MISMATCH` when others seal under one that is not held here
   */
  async settle<T extends DatabaseTables>(database: Kysely<T>): Promise<void> {
    const db = ownTables(database)
    const taken = await takenKeys(db)
    const newest = taken.at(-1)
    if (newest !== undefined && !this.ids.includes(newest)) throw notHeld(newest, this.ids)
    const whoLacks = await rootKeyHolders(db)
    const mayFollow = (id: string) => !taken.includes(id) && whoLacks(id).length === 0
    const next = this.#all.find(({ id }) => id === newest || mayFollow(id))
    // Instances of an earlier release do not say what they hold: it is what there was before.
    if (next && !taken.includes(next.id)) await takeKey(db, next, newest)
    this.#sealing = next ?? oldestOf(this.#all)
  }
}

/** @returns for the id of a root key the addresses of those live instances that do not hold it */
export async function rootKeyHolders<T extends DatabaseTables>(database: Kysely<T>): Promise<(id: string) => string[]> {
  const { rows } = await sql<{ address: string; keys: string[] | null }>`
    SELECT address, root_keys AS keys FROM instances
    WHERE lease_until > clock_timestamp() ORDER BY address`.execute(ownTables(database))
  return (id) => rows.filter(({ keys }) => !keys?.includes(id)).map(({ address }) => address)
}

/** Those that were sealed under, in the order in which that began. */
async function takenKeys(db: Db): Promise<string[]> {
  const rows = await db.selectFrom('root_keys').select('id').orderBy('since').orderBy('id').execute()
  return rows.map(({ id }) => id)
}

function takeKey(db: Db, root: RootKey, replaces: string | undefined): Promise<void> {
  const { id } = root
  return db.transaction().execute(async (transaction: Transaction<DatabaseTables>) => {
    const insert = transaction.insertInto('root_keys').values({ id })
    const inserted = await insert
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst()
    if (!inserted || replaces === undefined) return
    // The audit is signed by another key from here on: who reads it wants to know which.
    const details = { rootKey: id, replaces, auditSigner: auditSigner(root, 'audit').fingerprint }
    await recordEvent(transaction, { action: 'root_key.replaced', outcome: 'success', actor: 'rekey', details })
  })
}

const oldestOf = (keys: RootKeyList): RootKey => keys.at(-1) ?? keys[0]

function notHeld(id: string, given: readonly string[]): DatabaseError {
  return new DatabaseError(
    'ROOT_KEY_MISMATCH',
    `this database is sealed under root key ${id}; given is ${given.join(', ')}: give the root key of this database`,
    { facts: { rootKey: id } },
  )
}
