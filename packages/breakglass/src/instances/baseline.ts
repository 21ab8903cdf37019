import type { Probe } from '../providers/port.ts'
import { brokenToken, meaningOf, reasonIn, refusalIn, tryToken } from './answers.ts'
import { Unanswered } from './client.ts'
import type { Hands } from './tools.ts'
import type { Baseline, InstanceAddress } from './verdict.ts'

/**
 * How instances answer before the key is revoked: how they refuse, and whether a token by the compromised key is accepted.
 * One that is refused already, for a reason of its own, could not show the revocation later.
 */
export function baselineOf(
  instances: readonly InstanceAddress[],
  compromised: Probe | undefined,
  hands: Pick<Hands, 'client'>,
  signal?: AbortSignal,
): Promise<Baseline[]> {
  return Promise.all(instances.map((instance) => baselineAt(instance, compromised, hands, signal)))
}

async function baselineAt(
  instance: InstanceAddress,
  compromised: Probe | undefined,
  { client }: Pick<Hands, 'client'>,
  signal: AbortSignal | undefined,
): Promise<Baseline> {
  const open: Baseline = { ...instance, refusal: null, compromised: 'unknown' }
  try {
    const toBroken = await tryToken(client, instance, brokenToken(compromised), signal)
    const refusal = refusalIn(toBroken)
    if (refusal === null) return { ...open, problem: unguarded(instance, toBroken.status) }
    if (compromised === undefined) return { ...open, refusal }
    const answer = await tryToken(client, instance, compromised.token, signal)
    const meaning = meaningOf(answer, refusal)
    const reason = meaning === 'refused' ? reasonIn(answer) : undefined
    return { ...open, refusal, compromised: meaning, ...(reason !== undefined && { reason }) }
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error
    return { ...open, problem: `it ${error.message}` }
  }
}

export function unguarded({ path }: InstanceAddress, status: number): string {
  const where = path.split('?')[0]
  if (status >= 500) return `it answers ${status} at ${where}, which says nothing about a token`
  return `it answers ${status} to a token whose signature is broken, so ${where} shows nothing: name a path that needs a good token`
}
