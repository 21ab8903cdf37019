import type { Gate } from '../kinds/kind.ts'
import { kinds } from '../kinds/table.ts'
import { activeVersion, type Keyring } from '../lifecycle/keyring.ts'
import type { Evidence, Verifier } from './evidence.ts'

/**
 * May tokens from now on be issued by a keyring that they were not issued by until now?
 *
 * Its active version must be known as a successor must be: served by every live instance, held by every live verifier (for
 * as long as the policy has patience with them), out long enough for anonymous readers. Besides, every live verifier must
 * have said that it allows the keyring's algorithm: it would refuse every token however long it knew the key, so no
 * patience ends that wait. A verifier that is gone stops mattering when its lease is over.
 *
 * @param now milliseconds since the epoch, by the clock of the store
 * @param options.forced an operator takes it on himself that verifiers and anonymous readers may refuse the tokens; it is
 *   still waited for the instances, or what one of them signs could not be found at another
 */
export function issuanceGate(keyring: Keyring, evidence: Evidence, now: number, options: { forced: boolean }): Gate {
  const active = activeVersion(keyring)
  // Whoever moves to a key that is about to be revoked would move to one that is refused in a moment.
  if (!active || active.revocation) return closed([`a good active version of ${keyring.name}`], null)
  // A rotation that is forced speaks for its successor, not for the version in use.
  const { rotation: _other, ...settled } = keyring
  if (options.forced && active.servedAt !== undefined) return { open: true }
  const known = kinds[keyring.kind].propagated(settled, active, evidence, now)
  const unwilling = options.forced ? [] : evidence.verifiers.filter((verifier) => !allows(verifier, keyring.algorithm))
  if (unwilling.length === 0) return known
  const gone = Math.max(...unwilling.map((verifier) => verifier.leaseUntil))
  const parties = unwilling.map((verifier) => `verifier ${verifier.id} to allow ${keyring.algorithm}`)
  if (known.open) return closed(parties, gone)
  return closed([...parties, ...known.for], known.opensAt === null ? null : Math.max(gone, known.opensAt))
}

/** The ids of the live verifiers that said which algorithms they allow, and this keyring's is not among them. */
export function verifiersRefusing(keyring: Keyring, evidence: Evidence): string[] {
  return evidence.verifiers
    .filter((verifier) => verifier.algorithms.length > 0 && !allows(verifier, keyring.algorithm))
    .map((verifier) => verifier.id)
}

function allows(verifier: Verifier, algorithm: string): boolean {
  return verifier.algorithms.includes(algorithm)
}

function closed(parties: string[], opensAt: number | null): Gate {
  return { open: false, for: parties, opensAt }
}
