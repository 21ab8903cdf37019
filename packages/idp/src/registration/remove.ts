import { recordEvent } from '@rekey/database'
import { transact } from '@rekey/service'
import { sql, type Transaction } from 'kysely'
import { lockAgent } from '../agents/agent.ts'
import { setStatus } from '../agents/status.ts'
import { roomOfDeleted } from '../denied/room.ts'
import { IdpError, OAuthError } from '../error.ts'
import type { Instance } from '../instance.ts'
import type { IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import { requireMatch } from './change.ts'
import { lockClient } from './held.ts'
import { revokeTokensBoundTo } from './initial-tokens/store.ts'

/**
 * Ends a client for good: its agent is decommissioned, its tokens and credentials end. What it was called stays its own: within its
 * organization the id may be registered anew. One that was deleted already stays as it is. By an administrator of clients one is
 * deleted that was decommissioned as an agent, too.
 *
 * @throws IdpError `UNKNOWN_CLIENT`, `FORBIDDEN`, `PRECONDITION_FAILED`, `DENY_LIST_FULL`; instead of that OAuthError
 *   `temporarily_unavailable` where the client deletes itself
 */
export async function deleteClient(
  instance: Instance,
  caller: Caller,
  clientId: string,
  ifMatch: string | undefined,
): Promise<void> {
  // One who bears the registration access token has no scopes.
  const administers = caller.scopes.has('dcr.admin')
  const revision = await transact(instance.connection.db, async (transaction) => {
    // One that ends itself may come back by the token that it has.
    if (administers) await revokeTokensBoundTo(transaction, caller, clientId)
    const held = await lockClient(transaction, caller, clientId)
    requireMatch(ifMatch, held)
    const isNew = held.status !== 'decommissioned' || administers
    if (isNew && (await markDeleted(transaction, clientId))) {
      await recordEvent(transaction, {
        action: 'client.deleted',
        outcome: 'success',
        actor: caller.clientId,
        agentId: clientId,
        organizationId: held.organizationId,
        details: { profile: held.profile },
      })
    }
    const agent = await lockAgent(transaction, caller, clientId)
    const room = administers ? undefined : roomOfDeleted(held.organizationId)
    const change = { status: 'decommissioned', reason: 'the client was deleted', room } as const
    return (await setStatus(instance, transaction, caller, agent, change)).revision
  }).catch((error: unknown) => {
    if (administers || !(error instanceof IdpError && error.code === 'DENY_LIST_FULL')) throw error
    throw new OAuthError(
      'temporarily_unavailable',
      'too many clients were deleted of late; this one is still registered',
    )
  })
  await instance.view.everywhere(revision)
  instance.metrics.registrations.inc({ outcome: 'deleted' })
}

/** @returns whether it was not before */
async function markDeleted(transaction: Transaction<IdpTables>, clientId: string): Promise<boolean> {
  const marked = await transaction
    .updateTable('clients')
    .set({ deleted_at: sql`now()` })
    .where('client_id', '=', clientId)
    .where('deleted_at', 'is', null)
    .returning('client_id')
    .executeTakeFirst()
  return marked !== undefined
}
