import {
  decide,
  type Evidence,
  formatDuration,
  type Held,
  isAccepted,
  type Keyring,
  type Policy,
  type Version,
} from '@rekey/keyring'
import { iso, isoIfSet, isoOrNull } from '../http/time.ts'

/** A keyring as the API shows it: no key material, times as ISO 8601, durations as configuration writes them. */
export function showKeyring(keyring: Keyring, evidence: Evidence, now: number) {
  const { waiting } = decide(keyring, evidence, now)
  return {
    name: keyring.name,
    kind: keyring.kind as string,
    algorithm: keyring.algorithm,
    revision: keyring.revision,
    policy: showPolicy(keyring.policy),
    rotation: keyring.rotation && { ...keyring.rotation, requestedAt: iso(keyring.rotation.requestedAt) },
    versions: keyring.versions.map((version) => showVersion(version, evidence)),
    waiting: waiting.map((wait) => ({
      step: wait.step,
      version: wait.id,
      gate: wait.gate,
      for: wait.for,
      opensAt: isoOrNull(wait.opensAt),
      since: iso(wait.since),
    })),
  }
}

/** As {@link showKeyring} has it; its schema is `shownKeyring`. */
export type ShownKeyring = ReturnType<typeof showKeyring>

function showVersion(version: Version, { held }: Evidence) {
  return {
    id: version.id,
    state: version.state,
    preparedAt: iso(version.preparedAt),
    servedAt: isoIfSet(version.servedAt),
    activatedAt: isoIfSet(version.activatedAt),
    retiringAt: isoIfSet(version.retiringAt),
    demotedAt: isoIfSet(version.demotedAt),
    retiredAt: isoIfSet(version.retiredAt),
    revokedAt: isoIfSet(version.revokedAt),
    revocation: version.revocation && { ...version.revocation, requestedAt: iso(version.revocation.requestedAt) },
    reason: version.reason,
    incident: version.incident,
    held: held && isAccepted(version) ? showHeld(held.get(version.id)) : undefined,
  }
}

function showHeld({ count, until }: Held = { count: 0, until: null }) {
  return { count, until: isoOrNull(until) }
}

function showPolicy(policy: Policy) {
  return {
    rotateEvery: formatDuration(policy.rotateEveryMs),
    verifierPatience: policy.verifierPatienceMs === null ? 'forever' : formatDuration(policy.verifierPatienceMs),
    anonymousPropagation: formatDuration(policy.anonymousPropagationMs),
    jwksMaxAge: formatDuration(policy.jwksMaxAgeMs),
    maxTokenTtl: formatDuration(policy.maxTokenTtlMs),
    skew: formatDuration(policy.skewMs),
    maxGrace: formatDuration(policy.maxGraceMs),
    rollbackWindow: formatDuration(policy.rollbackWindowMs),
  }
}
