/**
 * Logins that are under way while sessions end: the provider has given tokens, and there is no row yet that could be deleted. Who ends
 * sessions writes down whose they were, and who logs in looks there before a row is written. Both take one lock, so that one of the two
 * sees what the other one did.
 */
import { type RawBuilder, sql, type Transaction } from 'kysely'
import type { Claims } from '../provider/provider.ts'
import type { BffDatabase, BffTables } from '../tables.ts'
import type { Selection } from './end.ts'

/** As `pg_advisory_xact_lock` knows it. */
const lockKey = sql`hashtextextended('endings of sessions', 0)`

/**
 * In the transaction that ends them, before it does.
 *
 * @param isForGood the provider has ended its own session: no login of that `sid` counts any more
 */
export async function recordEnding(
  transaction: Transaction<BffTables>,
  selection: Selection,
  isForGood: boolean,
): Promise<void> {
  const whose = whoseOf(selection)
  if (whose === undefined) return
  await sql`SELECT pg_advisory_xact_lock(${lockKey})`.execute(transaction)
  await sql`
    INSERT INTO endings (key, issuer, sub, before, at)
    VALUES (${whose.key}, ${whose.issuer ?? null}, ${whose.sub ?? null},
      ${isForGood && 'sid' in selection ? null : beforeOf(selection)}, clock_timestamp())`.execute(transaction)
}

/**
 * In the transaction that writes a session, before it does.
 *
 * @param since before that nobody asked for its tokens, by the clock of the database
 */
export async function hasEnded(
  transaction: Transaction<BffTables>,
  { iss, sub, sid }: Claims,
  since: number,
): Promise<boolean> {
  await sql`SELECT pg_advisory_xact_lock_shared(${lockKey})`.execute(transaction)
  const keys = ['all', keyOf('sub', sub), ...(sid === undefined ? [] : [keyOf('sid', sid)])]
  const { rows } = await sql`
    SELECT FROM endings WHERE key = ANY (${keys}::text[]) AND (issuer IS NULL OR issuer = ${iss})
      AND (sub IS NULL OR sub = ${sub}) AND (before IS NULL OR before > ${new Date(since)}) LIMIT 1`.execute(
    transaction,
  )
  return rows.length > 0
}

/** No code and no login lives for longer. */
export async function pruneEndings(db: BffDatabase): Promise<void> {
  await sql`DELETE FROM endings WHERE at < now() - interval '1 day'`.execute(db)
}

/** Nothing where no login that is under way can be meant. */
function whoseOf(
  selection: Selection,
): { key: string; issuer?: string | undefined; sub?: string | undefined } | undefined {
  if ('session' in selection || 'sealedBy' in selection) return undefined
  if ('sid' in selection) {
    return { key: keyOf('sid', selection.sid), issuer: selection.issuer, sub: selection.sub }
  }
  if ('sub' in selection) return { key: keyOf('sub', selection.sub), issuer: selection.issuer }
  return { key: 'all' }
}

/** Never a moment that is to come: until then nobody could log in. */
function beforeOf({ issuedBefore }: Selection): RawBuilder<unknown> {
  if (issuedBefore === undefined) return sql`clock_timestamp()`
  return sql`least(${new Date(issuedBefore)}::timestamptz, clock_timestamp())`
}

const keyOf = (by: 'sid' | 'sub', whose: string) => `${by} ${whose}`
