import { activeVersion, type ClientKeyring, isAcceptedAt, isClosed } from '@rekey/keyring'
import { lastMoment } from '@rekey/service'
import type { Config } from '../config.ts'
import { IdpError } from '../error.ts'
import { clientPolicyOf, longestOverlapMs } from './policy.ts'

/** What a caller asks of a rotation. Milliseconds; the first since the epoch. */
export interface Rotation {
  /** Of the new version; when it is not given, the new one lives for as long as the old one would have. */
  expiresAt: number | undefined
  /** For how long the old version works beside the new one. */
  overlapMs: number | undefined
}

/** When the new version comes to its end, if it does, and when the old one does; `null`: at once. */
export interface Plan {
  expiresAt: number | undefined
  overlapUntil: number | null
}

/** Versions of one credential that work at once. */
const mostAccepted = 8

/**
 * Plans a rotation. It is asked before anything is made for one, because each secret that is written to Vault uses up a
 * version there, and again in the transaction.
 *
 * @throws IdpError `CREDENTIAL_REVOKED`, `INVALID_REQUEST`, `TOO_MANY_CREDENTIALS`
 */
export function planRotation(config: Config, keyring: ClientKeyring, asked: Rotation, now: number): Plan {
  requireOpen(keyring)
  const expiresAt = asked.expiresAt ?? keptLifetime(keyring, now)
  requireFuture(expiresAt, now)
  const overlapUntil = endOfOverlap(config, keyring, asked, now, expiresAt ?? Number.POSITIVE_INFINITY)
  if (overlapUntil !== null) requireRoomBeside(keyring, now)
  return { expiresAt, overlapUntil }
}

export function requireFuture(expiresAt: number | undefined, now: number): void {
  if (expiresAt !== undefined && expiresAt <= now) throw new IdpError('INVALID_REQUEST', 'expiresAt is in the past')
}

export function requireOpen(keyring: ClientKeyring): void {
  if (isClosed(keyring)) throw new IdpError('CREDENTIAL_REVOKED', 'the credential was revoked: create another one')
}

function keptLifetime(keyring: ClientKeyring, now: number): number | undefined {
  const { expiresAt, activatedAt, preparedAt } = activeVersion(keyring) ?? {}
  if (expiresAt === undefined) return undefined
  return Math.min(now + expiresAt - (activatedAt ?? preparedAt ?? now), lastMoment)
}

/** The assertions that a key has signed live out their time, as far as the new key does, unless somebody says otherwise. */
function endOfOverlap(
  config: Config,
  { kind }: ClientKeyring,
  { overlapMs }: Rotation,
  now: number,
  expiresAt: number,
): number | null {
  if (overlapMs === undefined) {
    return kind === 'client-key' ? Math.min(now + clientPolicyOf(config).assertionMs, expiresAt) : null
  }
  if (overlapMs > longestOverlapMs) {
    throw new IdpError('INVALID_REQUEST', `an overlap is at most ${longestOverlapMs / 86_400_000} days`)
  }
  if (now + overlapMs > expiresAt) {
    throw new IdpError('INVALID_REQUEST', 'the overlap would end after the new version has expired')
  }
  return overlapMs === 0 ? null : now + overlapMs
}

function requireRoomBeside({ versions }: ClientKeyring, now: number): void {
  if (versions.filter((version) => isAcceptedAt(version, now)).length < mostAccepted) return
  throw new IdpError(
    'TOO_MANY_CREDENTIALS',
    `at most ${mostAccepted} versions of a credential work at once: wait for an overlap to end, or rotate without one`,
  )
}
