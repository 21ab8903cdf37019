import type { Evidence, Verifier } from '../decide/evidence.ts'
import { activeVersion, type Keyring } from '../lifecycle/keyring.ts'
import type { Version } from '../lifecycle/version.ts'
import type { Gate, InstanceKind } from './kind.ts'

/** How long verifiers may hold up the replacement of a key that is to be revoked. */
const emergencyPatienceMs = 2_000

/**
 * A key that signs tokens; others verify them by its public half.
 *
 * Propagated: every live instance serves it (that moment is `servedAt`), every live verifier has acknowledged a trust set
 * that contains it, and anonymous readers of the JWKS have had time to fetch it.
 * Drained: the last token that it can have signed has expired, by every clock in the estate.
 */
export const signingKey: InstanceKind = {
  name: 'signing-key',
  holder: 'instances',
  standby: true,
  acceptsByPrivate: false,
  propagated,
  drained,
}

function propagated(keyring: Keyring, version: Version, evidence: Evidence, now: number): Gate {
  const { servedAt } = version
  if (servedAt === undefined) return { open: false, for: ['every instance to serve it'], opensAt: null }
  if (keyring.rotation?.forced) return { open: true }
  const { patienceUntil, anonymousUntil } = limits(keyring, servedAt, now)
  const lagging = now >= patienceUntil ? [] : evidence.verifiers.filter((verifier) => verifier.holds < version.since)
  if (lagging.length === 0 && now >= anonymousUntil) return { open: true }
  return {
    open: false,
    for: [
      ...lagging.map((verifier) => `verifier ${verifier.id}`),
      ...(now < anonymousUntil ? ['anonymous readers'] : []),
    ],
    opensAt: Math.max(anonymousUntil, Math.min(patienceUntil, lastLease(lagging))),
  }
}

/**
 * How long verifiers, and readers that cannot be seen, may hold the activation up. Where the active key is to be revoked,
 * every moment is the thief's: a standby is published long before, so those that still lack it wait for it afterwards.
 */
function limits(keyring: Keyring, servedAt: number, now: number) {
  const revocation = activeVersion(keyring)?.revocation
  // Who waits for nobody must not wait for a clock either: the database's may have been set back since.
  if (revocation) {
    const { requestedAt } = revocation
    return { patienceUntil: now < requestedAt ? now : requestedAt + emergencyPatienceMs, anonymousUntil: 0 }
  }
  const { verifierPatienceMs, anonymousPropagationMs } = keyring.policy
  const patienceUntil = verifierPatienceMs === null ? Number.POSITIVE_INFINITY : servedAt + verifierPatienceMs
  return { patienceUntil, anonymousUntil: anonymousPropagationMs === 0 ? 0 : servedAt + anonymousPropagationMs }
}

/** A verifier that is gone stops mattering when its lease is over. One that is alive renews it, so this time may move. */
function lastLease(verifiers: Verifier[]): number {
  return verifiers.reduce((latest, verifier) => Math.max(latest, verifier.leaseUntil), 0)
}

function drained(keyring: Keyring, version: Version, _evidence: Evidence, now: number): Gate {
  const { maxTokenTtlMs, skewMs } = keyring.policy
  // maxTokenTtl only ever grows, and before a longer-lived token is signed: it bounds what this key may have signed.
  const opensAt = (version.demotedAt ?? now) + maxTokenTtlMs + skewMs
  return now >= opensAt ? { open: true } : { open: false, for: [`tokens signed by ${version.id}`], opensAt }
}
