import { KeyringError } from '../error.ts'
import { longestMs } from './duration.ts'

const minuteMs = 60_000
const dayMs = 86_400_000

/** How a signing keyring rotates. All members are milliseconds; `null` means for ever. */
export interface Policy {
  /** Age of the active version at which the next one takes over. */
  rotateEveryMs: number
  /** How long a live verifier that has not acknowledged the next key may hold up its activation. `null`: until it does. */
  verifierPatienceMs: number | null
  /**
   * How long readers of the JWKS that we cannot see need to have fetched it anew, counted from the moment at which every
   * instance served the key. `0` declares that there are none.
   */
  anonymousPropagationMs: number
  /** The largest Cache-Control max-age under which the JWKS may have been handed out. Only ever raised. */
  jwksMaxAgeMs: number
  /** The longest life of a token that any instance may sign. Only ever raised, and before such a token is signed. */
  maxTokenTtlMs: number
  /** How far two clocks in the estate may be apart. */
  skewMs: number
  /** The bound on how long a demoted key may go on being accepted. */
  maxGraceMs: number
  /** How long after its demotion a version can be made active again: its private half is kept that long. */
  rollbackWindowMs: number
  /** Of encryption keys: how old a backup gets before it is thrown away. Absent: 30 days. */
  backupsKeptMs?: number
  /** Of encryption keys: how long one lies in escrow after it was retired. `0`, or absent: there is no escrow. */
  escrowForMs?: number
}

/** What production starts with; seed for configuration. */
export const defaultPolicy: Policy = {
  rotateEveryMs: 90 * dayMs,
  verifierPatienceMs: null,
  anonymousPropagationMs: 5.5 * minuteMs,
  jwksMaxAgeMs: 5 * minuteMs,
  maxTokenTtlMs: 60 * minuteMs,
  skewMs: 30_000,
  maxGraceMs: dayMs,
  rollbackWindowMs: 10 * minuteMs,
}

/**
 * Refuses a policy under which a token that is valid by its own claims could be turned away.
 *
 * @throws KeyringError `POLICY_INVALID`, naming the member that is no duration, or those that contradict each other
 */
export function checkPolicy(policy: Policy): void {
  checkMembers(policy)
  const longestLifeMs = policy.maxTokenTtlMs + policy.skewMs
  if (longestLifeMs > policy.maxGraceMs) {
    throw new KeyringError(
      'POLICY_INVALID',
      `tokens may live for ${longestLifeMs} ms (lifetime and skew), but a demoted key is kept for at most maxGrace = ` +
        `${policy.maxGraceMs} ms: shorten the token lifetime or raise maxGrace`,
      { ...policy },
    )
  }
  const staleReaderMs = policy.jwksMaxAgeMs + policy.skewMs
  if (policy.anonymousPropagationMs !== 0 && policy.anonymousPropagationMs < staleReaderMs) {
    throw new KeyringError(
      'POLICY_INVALID',
      `anonymousPropagation = ${policy.anonymousPropagationMs} ms is shorter than a cached JWKS may live ` +
        `(${staleReaderMs} ms: max-age and skew): raise it, lower the max-age, or declare with 0s that there are no anonymous readers`,
      { ...policy },
    )
  }
}

function checkMembers(policy: Policy): void {
  for (const [name, durationMs] of Object.entries(policy)) {
    const forEver = name === 'verifierPatienceMs' && durationMs === null
    // A keyring that rotates at every moment would never come to rest.
    const leastMs = name === 'rotateEveryMs' ? 1 : 0
    if (forEver || (Number.isInteger(durationMs) && durationMs >= leastMs && durationMs <= longestMs)) continue
    const range = `a whole number of milliseconds from ${leastMs} to ${longestMs}`
    throw new KeyringError('POLICY_INVALID', `${name} = ${durationMs} is not ${range}`, { ...policy })
  }
}
