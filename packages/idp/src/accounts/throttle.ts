/**
 * How often somebody may try to log in, counted by all instances together. Each attempt is counted before its password is looked
 * at, so that a hundred at once are no more than a hundred in a row; a good one is given back.
 *
 * Nobody can lock another out for longer than a minute after he stops, and not even that from a few addresses: what is refused
 * for its address is not counted for the account. Who logged in from an address before is not kept out there by what others do.
 */
import { addressOf, sourceOf } from '@rekey/service'
import { type RawBuilder, sql } from 'kysely'
import { IdpError } from '../error.ts'
import { sha256 } from '../sha256.ts'
import type { IdpDatabase } from '../tables.ts'

/** So many in a window: of one address; for one account from one address; for one account from anywhere. */
export const mostAttempts = { address: 60, pair: 6, account: 30 } as const
const window = sql`interval '1 minute'`
const knownFor = sql`interval '30 days'`

/** What an attempt is counted by. There need not be such an account. */
export interface Attempted {
  username: string
  address: string
}

interface Counted {
  key: Buffer
  count: number
  /** Until its window ends. */
  waitMs: number
  /** Did it succeed of late? */
  known: boolean
}

/** @throws IdpError `RATE_LIMITED` */
export async function countAttempt(db: IdpDatabase, attempted: Attempted): Promise<void> {
  const keys = keysOf(attempted)
  const [address, pair] = await count(db, [keys.address, keys.pair])
  requireFew(address, mostAttempts.address, 'too many logins from this address failed')
  requireFew(pair, mostAttempts.pair, tooMany)
  if (pair?.known) return
  const [account] = await count(db, [keys.account])
  requireFew(account, mostAttempts.account, tooMany)
}

const tooMany = 'too many logins with this username failed'

/** Gives a good login back to its address, and begins anew for its account. */
export async function forgiveAttempts(db: IdpDatabase, attempted: Attempted): Promise<void> {
  const { address, pair, account } = keysOf(attempted)
  // Locked in one order by everybody.
  await sql`
    WITH held AS (
      SELECT key_hash FROM login_attempts WHERE key_hash IN (${address}, ${pair}, ${account}) ORDER BY key_hash FOR UPDATE)
    UPDATE login_attempts SET
      count = CASE WHEN login_attempts.key_hash = ${address} THEN greatest(count - 1, 0) ELSE 0 END,
      succeeded_at = CASE WHEN login_attempts.key_hash = ${pair} THEN now() ELSE succeeded_at END
    FROM held WHERE login_attempts.key_hash = held.key_hash`.execute(db)
}

/** Deletes what is not counted any more. */
export async function pruneLoginAttempts(db: IdpDatabase): Promise<void> {
  await sql`
    DELETE FROM login_attempts
    WHERE since < now() - ${window} AND (succeeded_at IS NULL OR succeeded_at < now() - ${knownFor})`.execute(db)
}

function requireFew(counted: Counted | undefined, most: number, why: string): void {
  if (!counted || counted.count <= most) return
  const facts = { retryAfterSeconds: Math.max(1, Math.ceil(counted.waitMs / 1_000)) }
  throw new IdpError('RATE_LIMITED', `${why}; come again later`, { facts })
}

/** @returns in the order of the keys */
async function count(db: IdpDatabase, keys: readonly Buffer[]): Promise<(Counted | undefined)[]> {
  const rows = keys.toSorted(Buffer.compare).map((key) => sql`(${key}, 1, clock_timestamp())`)
  const { rows: counted } = await sql<Counted>`
    INSERT INTO login_attempts AS held (key_hash, count, since) VALUES ${sql.join(rows)}
    ON CONFLICT (key_hash) DO UPDATE SET
      count = ${whereOver(sql`1`, sql`held.count + 1`)}, since = ${whereOver(sql`EXCLUDED.since`, sql`held.since`)}
    RETURNING key_hash AS key, count, coalesce(succeeded_at > now() - ${knownFor}, false) AS known,
      (extract(epoch FROM since + ${window} - clock_timestamp()) * 1000)::float8 AS "waitMs"`.execute(db)
  return keys.map((key) => counted.find((row) => row.key.equals(key)))
}

function whereOver(then: RawBuilder<unknown>, otherwise: RawBuilder<unknown>) {
  return sql`CASE WHEN held.since <= clock_timestamp() - ${window} THEN ${then} ELSE ${otherwise} END`
}

function keysOf({ username, address }: Attempted) {
  const name = username.toLowerCase()
  const source = sourceOf(addressOf(address))
  const key = (...parts: string[]) => sha256(JSON.stringify(parts))
  return { address: key('address', source), pair: key('pair', name, source), account: key('account', name) }
}
