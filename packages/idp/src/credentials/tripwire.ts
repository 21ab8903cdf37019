import { isAccepted } from '@rekey/keyring'
import type { Instance } from '../instance.ts'
import type { Client, HeldKey, HeldSecret } from './client.ts'

/**
 * A secret or key that is dead was presented: whoever did that took it from somewhere it still lies, or is a part of the
 * client that was forgotten in a rotation. It becomes an event of the audit, the first at once and repetitions gathered, and
 * is counted. One that merely expired by itself is neither: its client is late, and told so.
 *
 * @param held what `judgeSecret` found to be dead
 * @param address where the request came from
 * @returns whether it was a tripwire
 */
export function tripped(
  { gathered, metrics }: Pick<Instance, 'gathered' | 'metrics'>,
  client: Client,
  held: HeldSecret | HeldKey,
  address: string,
): boolean {
  const { credentialId, version } = held
  if (held.state === 'active' || held.state === 'prepared') return false
  // The end of an overlap is enforced here before the loop writes it down; whichever was first makes no difference outside.
  const state = isAccepted(held) ? 'retired' : held.state
  metrics.tripwires.inc({ state })
  gathered.note(
    {
      action: 'credential.tripwire',
      outcome: 'refused',
      actor: client.clientId,
      agentId: client.clientId,
      organizationId: client.organizationId,
      cause: `a ${state} version was presented`,
      address,
      details: { credentialId, version, state },
    },
    { firstAtOnce: true },
  )
  return true
}
