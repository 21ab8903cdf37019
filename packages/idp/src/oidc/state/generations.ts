/**
 * How often a refresh token may be used. Whoever lost the reply to a refresh (its process was killed, its connection cut) has nothing
 * but the token that it sent, so a client that authenticates may send that again for a while, and is given another successor. Which of
 * the successors it keeps is its own affair: those of one refresh are one generation.
 *
 * Each login of a client begins a line of its own, also those of one session, which are one grant. A generation is over when one of
 * its successors was used, or when the interval has passed since one of it was first used. What comes from a generation that is over
 * is a replay, also where this very token was never used: two parties go on from one token.
 */
import { type RawBuilder, sql } from 'kysely'
import { Provider } from 'oidc-provider'
import type { Instance } from '../../instance.ts'
import { sha256 } from '../../sha256.ts'
import { isPublic } from '../client-adapter.ts'

/** For how long a client may use a refresh token again. A public one cannot prove that it is the one that did before. */
export function reuseFor({ clients, config }: Pick<Instance, 'clients' | 'config'>) {
  return async (clientId: string): Promise<number> => {
    const client = await clients.get(clientId)
    return client && !isPublic(client) ? config.oidc.refreshReuseMs : 0
  }
}

/** The line of a refresh token that is saved now: that of the one that was used for it, or its own. */
export function lineOf(idHash: Buffer): RawBuilder<Buffer> {
  // Nothing in the token itself says from which one it comes.
  const used = Provider.ctx?.oidc?.entities.RotatedRefreshToken?.jti
  if (used === undefined) return sql<Buffer>`${idHash}::bytea`
  const ofUsed = sql`SELECT line FROM oidc_state WHERE model = 'RefreshToken' AND id_hash = ${sha256(used)}`
  return sql<Buffer>`coalesce((${ofUsed}), ${idHash}::bytea)`
}

/** Of a row `held` of `oidc_state` that is a refresh token: is its generation over? */
export function isOver(reuseMs: number): RawBuilder<boolean> {
  const before = sql`now() - ${reuseMs}::float8 * interval '1 millisecond'`
  return sql<boolean>`(
    held.consumed_at IS NOT NULL AND held.line IS NULL
    OR EXISTS (SELECT FROM oidc_state AS used
      WHERE used.model = 'RefreshToken' AND used.grant_hash = held.grant_hash AND used.line = held.line
        AND used.consumed_at IS NOT NULL
        AND (used.generation > held.generation OR used.generation = held.generation AND used.consumed_at <= ${before})))`
}
