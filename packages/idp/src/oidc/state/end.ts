import { type RawBuilder, sql, type Transaction } from 'kysely'
import type { IdpTables } from '../../tables.ts'
import { ended } from './ended.ts'

/** Whose sessions and grants: a user's, one session, those given to a client, or all there are. */
export type Whose = { accountId: string } | { sid: string } | { clientId: string } | { all: true }

/**
 * Ends what the OpenID provider remembers of somebody: sessions, grants, codes, refresh and access tokens, logins under way. What
 * hangs on a session or grant ends with it, whenever it was given; of a client's users the sessions go on. Clients that knew one of
 * those sessions, and have an address for that, are told later (`back-channel/`).
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
    ), told AS (
      INSERT INTO backchannel_logouts (client_id, account_id, sid)
      SELECT DISTINCT knows.client_id, held.account_id, knows.sid
      FROM oidc_state AS held
        CROSS JOIN LATERAL unnest(coalesce(held.sid_clients, ARRAY[held.client_id]), held.sids) AS knows (client_id, sid)
        JOIN clients ON clients.client_id = knows.client_id AND clients.metadata ? 'backchannel_logout_uri'
      WHERE held.sealed IS NOT NULL AND held.account_id IS NOT NULL AND knows.sid IS NOT NULL AND ${isToldOf(whose, before)}
    )
    UPDATE oidc_state SET ${ended} WHERE (model, id_hash) IN (SELECT model, id_hash FROM doomed)`.execute(transaction)
  return Number(numAffectedRows)
}

/** Of a client only that client is told, and of the sessions that it knows, which go on. */
function isToldOf(whose: Whose, before: RawBuilder<unknown>): RawBuilder<unknown> {
  const ended = sql`(held.model, held.id_hash) IN (SELECT model, id_hash FROM doomed)`
  if (!('clientId' in whose)) return ended
  const known = sql`held.sid_clients @> ARRAY[${whose.clientId}] AND ${before}`
  return sql`knows.client_id = ${whose.clientId} AND (${ended} OR ${known})`
}

function isOf(whose: Whose): RawBuilder<boolean> {
  if ('accountId' in whose) return sql`account_id = ${whose.accountId}`
  if ('clientId' in whose) return sql`client_id = ${whose.clientId}`
  return 'sid' in whose ? sql`sids @> ARRAY[${whose.sid}]` : sql`true`
}
