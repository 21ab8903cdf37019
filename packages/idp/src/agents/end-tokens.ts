import { databaseNow, instanceLeaseMs, recordChange } from '@rekey/database'
import type { Transaction } from 'kysely'
import { agentTopic } from '../credentials/client.ts'
import { longestTokenMs } from '../denied/longest-token.ts'
import { type DenyRules, denyWithin } from '../denied/store.ts'
import type { Instance } from '../instance.ts'
import { endOidcState } from '../oidc/state/end.ts'
import type { IdpTables } from '../tables.ts'

/**
 * Ends the tokens of an agent that are stored here, and what users granted it. They are rows: it comes before whatever takes the lock
 * that orders all changes, because whoever waits for that may hold some of them.
 */
export async function endStoredTokens(transaction: Transaction<IdpTables>, agentId: string): Promise<void> {
  await transaction.deleteFrom('opaque_tokens').where('agent_id', '=', agentId).execute()
  await endOidcState(transaction, { clientId: agentId })
}

/**
 * Ends the tokens of an agent that verifiers accept by themselves, in the transaction that ends its being active, and after
 * `endStoredTokens`.
 *
 * @param room in the deny-list, where it is not an administrator's act
 * @returns the revision from which on no instance gives it one, and verifiers refuse those that it has
 * @throws IdpError `DENY_LIST_FULL`
 */
export async function denyTokensOfAgent(
  instance: Pick<Instance, 'keys'>,
  transaction: Transaction<IdpTables>,
  agentId: string,
  actor: string,
  room: DenyRules = {},
): Promise<number> {
  await recordChange(transaction, agentTopic, agentId)
  const issuedBefore = (await databaseNow(transaction)) + lastIssuedMs(instance)
  const endsAt = issuedBefore + longestTokenMs(instance)
  return denyWithin(transaction, [{ kind: 'client_id', value: agentId, issuedBefore, endsAt }], actor, {
    ...room,
    isSuspension: true,
  })
}

/**
 * For how long from now on a token may still say that it was issued: an instance that is cut off learns of nothing until its
 * lease is over, and its clock may be ahead.
 */
export function lastIssuedMs({ keys }: Pick<Instance, 'keys'>): number {
  return instanceLeaseMs + Math.max(...[...keys().keyrings.values()].map(({ policy }) => policy.skewMs))
}
