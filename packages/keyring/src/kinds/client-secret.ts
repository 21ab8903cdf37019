import type { Evidence } from '../decide/evidence.ts'
import type { ClientKeyring } from '../lifecycle/keyring.ts'
import { endOf, isAcceptedAt, type Version } from '../lifecycle/version.ts'
import { formatDuration } from '../policy/duration.ts'
import type { ClientKind, Gate } from './kind.ts'

/** A client that has not begun to use its new secret is looked at again no later than this. */
const longestUnwatchedMs = 3_600_000

/**
 * A secret by which a client authenticates, handed to it once. The public part is its hash, `{ sha256: hex }`, or where it is
 * kept, `{ vault: { path, version } }`.
 *
 * Drained: its end has come (that of the overlap, or its own), or the client was seen using a later one and for a quiet time
 * not this one. That a secret was not seen never suffices: who uses it once a month is not seen either.
 */
export const clientSecret: ClientKind = { name: 'client-secret', holder: 'client', drained }

function drained(keyring: ClientKeyring, version: Version, { uses }: Evidence, now: number): Gate {
  const { quietMs } = keyring.policy
  const end = endOf(version)
  if (end !== null && now >= end) return { open: true }
  const quietAt = Math.max(uses?.get(version.id)?.lastAt ?? 0, version.retiringAt ?? now) + quietMs
  if (!hasMovedOn(keyring, version, uses, now)) {
    const parties = [`the client to be seen with a later secret than ${version.id}`]
    const lookAgainAt = Math.max(quietAt, now + Math.min(quietMs, longestUnwatchedMs))
    return { open: false, for: parties, opensAt: end, lookAgainAt }
  }
  if (now >= quietAt) return { open: true }
  const opensAt = Math.min(quietAt, end ?? quietAt)
  return { open: false, for: [`${version.id} not to be seen for ${formatDuration(quietMs)}`], opensAt }
}

/** Was a later version seen that the client can go on with? One that it can no longer use proves nothing. */
function hasMovedOn({ versions }: ClientKeyring, version: Version, uses: Evidence['uses'], now: number): boolean {
  const later = versions.slice(versions.indexOf(version) + 1)
  return later.some((candidate) => isAcceptedAt(candidate, now) && uses?.has(candidate.id))
}
