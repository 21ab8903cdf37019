import { databaseNow, instanceLeaseMs, recordChange } from '@rekey/database'
import type { Transaction } from 'kysely'
import { agentTopic } from '../credentials/client.ts'
import { longestTokenMs } from '../denied/longest-token.ts'
import { denyWithin } from '../denied/store.ts'
import type { Instance } from '../instance.ts'
import type { IdpTables } from '../tables.ts'

/**
 * Ends every token that an agent was given, in the transaction that ends the agent's being active.
 *
 * @returns the revision from which on no instance gives it one, and verifiers refuse those that it has
 * @throws IdpError `DENY_LIST_FULL`
 */
export async function endTokensOfAgent(
  instance: Pick<Instance, 'keys'>,
  transaction: Transaction<IdpTables>,
  agentId: string,
  actor: string,
): Promise<number> {
  await transaction.deleteFrom('opaque_tokens').where('agent_id', '=', agentId).execute()
  await recordChange(transaction, agentTopic, agentId)
  const issuedBefore = (await databaseNow(transaction)) + lastIssuedMs(instance)
  const endsAt = issuedBefore + longestTokenMs(instance)
  return denyWithin(transaction, [{ kind: 'client_id', value: agentId, issuedBefore, endsAt }], actor, {
    isSuspension: true,
  })
}

/**
 * For how long from now on a token may still say that it was issued: an instance that is cut off learns of nothing until its
 * lease is over, and its clock may be ahead.
 */
function lastIssuedMs({ keys }: Pick<Instance, 'keys'>): number {
  return instanceLeaseMs + Math.max(...[...keys().keyrings.values()].map(({ policy }) => policy.skewMs))
}
