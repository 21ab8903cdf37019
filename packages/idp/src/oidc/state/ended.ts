import { sql } from 'kysely'

/** Of a row of `oidc_state`. */
export const isLive = sql<boolean>`sealed IS NOT NULL AND expires_at > now()`

/**
 * Sets a row of `oidc_state` to its end. It is not deleted at once: a request that read it before must not save it anew, nor
 * anything under it, and no request takes so long as this.
 */
export const ended = sql`
  sealed = NULL, account_id = NULL, client_id = NULL, sids = NULL, expires_at = now() + interval '10 minutes'`
