import { type RawBuilder, sql, type Transaction } from 'kysely'
import type { IdpTables } from '../../tables.ts'
import { ended } from './ended.ts'

/** Whose sessions and grants: a user's, one session, those given to a client, or all there are. */
export type Whose = { accountId: string } | { sid: string } | { clientId: string } | { all: true }

/**
 * Ends what the OpenID provider remembers of somebody: sessions, grants, codes, refresh and access tokens, logins under way. What
 * hangs on a session or grant ends with it, whenever it was given; of a client's users the sessions go on.
 *
 * @param issuedBefore only what began before, in milliseconds since the epoch; `undefined` for everything
 * @returns how many ended
 */
export async function endOidcState(
  transaction: Transaction<IdpTables>,
  whose: Whose,
  issuedBefore?: number,
): Promise<number> {
  const before = issuedBefore === undefined ? sql`true` : sql`issued_at < to_timestamp(${issuedBefore / 1_000})`
  const ofSession = 'clientId' in whose ? sql`false` : sql`uid_hash IN (SELECT uid_hash FROM chosen)`
  const { numAffectedRows = 0n } = await sql`
    WITH chosen AS MATERIALIZED (
      SELECT model, id_hash, grant_hash, uid_hash FROM oidc_state WHERE sealed IS NOT NULL AND ${before} AND ${isOf(whose)}
    ), hanging AS MATERIALIZED (
      SELECT model, id_hash, grant_hash FROM chosen
      UNION SELECT model, id_hash, grant_hash FROM oidc_state WHERE sealed IS NOT NULL AND ${ofSession}
    ), doomed AS MATERIALIZED (
      SELECT model, id_hash FROM hanging
      UNION SELECT model, id_hash FROM oidc_state
        WHERE sealed IS NOT NULL AND grant_hash IN (SELECT grant_hash FROM hanging)
    )
    UPDATE oidc_state SET ${ended} WHERE (model, id_hash) IN (SELECT model, id_hash FROM doomed)`.execute(transaction)
  return Number(numAffectedRows)
}

function isOf(whose: Whose): RawBuilder<boolean> {
  if ('accountId' in whose) return sql`account_id = ${whose.accountId}`
  if ('clientId' in whose) return sql`client_id = ${whose.clientId}`
  return 'sid' in whose ? sql`sids @> ARRAY[${whose.sid}]` : sql`true`
}
