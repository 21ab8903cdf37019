import { setTimeout as delay } from 'node:timers/promises'
import { longestTokenMs } from '../denied/longest-token.ts'
import { lowerDenial } from '../denied/store.ts'
import type { Instance } from '../instance.ts'
import { verifiersSeen } from '../keyrings/evidence.ts'
import type { Caller } from '../tokens/opaque.ts'
import { type AgentStatus, lockAgent } from './agent.ts'

const recheckMs = 20
/** For so long a verifier is waited for that may be gone: what it refuses is good, and nothing worse. */
const patienceMs = 2_000

/**
 * Prepares the reactivation of an agent, or ends a registration that took the place of another: no verifier must refuse the tokens
 * that it will get, unless somebody denied them besides. They tell `iat` in whole seconds, and so do those that stay denied; what
 * belongs to which is only clear from the next second on.
 *
 * @param from nothing is done where it is not so
 * @throws IdpError `UNKNOWN_AGENT`, `FORBIDDEN`
 */
export async function admitAgain(
  instance: Instance,
  caller: Caller,
  agentId: string,
  from: AgentStatus = 'suspended',
): Promise<void> {
  const { store, view, connection } = instance
  const now = await store.now()
  const issuedBefore = now - (now % 1_000) + 1_000
  const revision = await connection.db.transaction().execute(async (transaction) => {
    const { status } = await lockAgent(transaction, caller, agentId)
    if (status !== from) return 0
    const endsAt = issuedBefore + longestTokenMs(instance)
    return lowerDenial(transaction, { kind: 'client_id', value: agentId, issuedBefore, endsAt })
  })
  if (revision === 0) return
  await view.everywhere(revision)
  await verifiersKnow(instance, revision)
  await delay(Math.max(0, issuedBefore - (await store.now())) + 1)
}

async function verifiersKnow({ connection, view }: Instance, revision: number): Promise<void> {
  for (let waited = 0; waited < patienceMs && view.held(); waited += recheckMs) {
    const verifiers = await verifiersSeen(connection.db, view)
    if (verifiers.every(({ holds }) => holds >= revision)) return
    await delay(recheckMs)
  }
}
