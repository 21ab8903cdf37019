import { addressOf, otherAddresses } from '@rekey/service'
import { sql } from 'kysely'
import { keySetId } from '../registration/keys/held.ts'
import type { IdpDatabase } from '../tables.ts'

/**
 * Who used which version of a credential, from where.
 *
 * Noting is on the path of every token, so it only counts in memory; each second what was counted is added to the table
 * `credential_uses`, by the clock of the database: times there are right to a second.
 */
export interface CredentialUses {
  /** @param address the source address of the request */
  note(held: Used, address: string): void
  /** Writes what was noted. What cannot be written stays, and is written the next time, unless the database never takes it. */
  flush(): Promise<void>
  /** Writes what was noted, and ends. */
  close(): Promise<void>
}

/** One version of a credential, as it is held in memory. */
interface Used {
  credentialId: string
  version: string
}

const flushEveryMs = 1_000
/** Of a version; those that follow are `others`. A client may have as many as it likes. */
const mostAddresses = 100
/** Rows of one statement. */
const mostTogether = 1_000

interface Row {
  credential_id: string
  version: string
  address: string
  count: number
}

/**
 * @param onError what could not be written; it is tried again a second later, or dropped where that is of no use
 * @param everyMs between two writes
 */
export function credentialUses(
  db: IdpDatabase,
  onError: (error: unknown) => void,
  everyMs = flushEveryMs,
): CredentialUses {
  // By the object that is held, because a hash of three texts would cost each token more than all the rest of this. It is
  // bounded by how many clients are held in memory.
  let noted = new Map<Used, Map<string, number>>()
  let writing: Promise<void> = Promise.resolve()

  function add(used: Used, address: string, count: number): void {
    const addresses = noted.get(used) ?? new Map<string, number>()
    noted.set(used, addresses)
    const isNew = !addresses.has(address)
    const told = isNew ? (addresses.size < mostAddresses ? addressOf(address) : otherAddresses) : address
    addresses.set(told, (addresses.get(told) ?? 0) + count)
  }

  async function writeNoted(): Promise<void> {
    const taken = noted
    if (taken.size === 0) return
    noted = new Map()
    let left = split(rowsOf(taken), mostTogether)
    try {
      for (let [first] = left; first !== undefined; [first] = left)
        left = [...(await writeOrSplit(first)), ...left.slice(1)]
    } catch (error) {
      for (const { credential_id: credentialId, version, address, count } of left.flat()) {
        add({ credentialId, version }, address, count)
      }
      throw error
    }
  }

  /** A row that the database never takes must not keep the others from it. @returns what is to be written in its place */
  async function writeOrSplit(rows: readonly Row[]): Promise<Row[][]> {
    try {
      await write(db, rows)
      return []
    } catch (error) {
      if (!isRefused(error)) throw error
      if (rows.length > 1) return split(rows, Math.ceil(rows.length / 2))
      onError(error)
      return []
    }
  }

  function flush(): Promise<void> {
    const next = writing.then(writeNoted)
    writing = next.catch(() => undefined)
    return next
  }

  const timer = setInterval(() => flush().catch(onError), everyMs).unref()
  return {
    note: (used, address) => add(used, address, 1),
    flush,
    async close() {
      clearInterval(timer)
      await flush().catch(onError)
    },
  }
}

/**
 * Deletes what was seen of keys that clients registered and have not used for long: they have no row of their own with which it would
 * go, and a client may replace its key every hour.
 */
export async function pruneKeyUses(db: IdpDatabase): Promise<void> {
  // Not as a parameter: the index is one of those that begin so.
  const ofKeySet = sql`starts_with(credential_id, ${sql.lit(keySetId(''))})`
  await sql`DELETE FROM credential_uses WHERE ${ofKeySet} AND last_at < now() - interval '7 days'`.execute(db)
}

/** Is it what is to be written that is wrong, and not the moment? */
function isRefused(error: unknown): boolean {
  // SQLSTATE: data exceptions, integrity, and what exceeds a limit of PostgreSQL.
  return /^(22|23|54)...$/.test(String((error as { code?: unknown } | null)?.code))
}

function split<T>(rows: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, n) => rows.slice(n * size, (n + 1) * size))
}

/** One row for what was noted under several objects: a client may have been read anew meanwhile. Sorted: see `write`. */
function rowsOf(noted: ReadonlyMap<Used, ReadonlyMap<string, number>>): Row[] {
  const rows = new Map<string, Row>()
  for (const [{ credentialId, version }, addresses] of noted) {
    for (const [address, count] of addresses) {
      const key = JSON.stringify([credentialId, version, address])
      const before = rows.get(key)?.count ?? 0
      rows.set(key, { credential_id: credentialId, version, address, count: before + count })
    }
  }
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
}

/** In the order of the keys: two instances that write the same rows would wait for each other otherwise. */
async function write(db: IdpDatabase, rows: readonly Row[]): Promise<void> {
  await sql`
    WITH noted AS (
      SELECT credential_id, version, count, CASE
        WHEN EXISTS (SELECT FROM credential_uses held WHERE held.credential_id = asked.credential_id
                     AND held.version = asked.version AND held.address = asked.address)
          OR (SELECT count(*) FROM credential_uses held WHERE held.credential_id = asked.credential_id
              AND held.version = asked.version) < ${mostAddresses}
        THEN address ELSE ${otherAddresses} END AS address
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        AS asked (credential_id text, version text, address text, count bigint)
    )
    INSERT INTO credential_uses AS held (credential_id, version, address, first_at, last_at, count)
    SELECT credential_id, version, address, clock_timestamp(), clock_timestamp(), sum(count) FROM noted
    GROUP BY credential_id, version, address ORDER BY credential_id, version, address
    ON CONFLICT (credential_id, version, address) DO UPDATE
      SET last_at = greatest(held.last_at, EXCLUDED.last_at), count = held.count + EXCLUDED.count`.execute(db)
}
