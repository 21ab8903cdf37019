import { KeyringError } from '../error.ts'
import type { Policy } from '../policy/signing.ts'
import { isAccepted, type Version } from './version.ts'

/** The sorts of secret that this release rotates. */
export type KindName = 'signing-key' | 'shared-secret'

/** A rotation that was asked for and whose successor is not active yet. */
export interface RotationRequest {
  requestedAt: number
  by: string
  /** An operator took it on himself that verifiers and anonymous readers which do not know the successor may fail. */
  forced: boolean
  reason?: string
}

/**
 * An ordered list of versions of one secret (oldest first), in one small document that is saved by compare-and-swap
 * on `revision`.
 */
export interface Keyring {
  name: string
  kind: KindName
  algorithm: string
  /** Set by the store; grows with every save. 0 means that it was never saved. */
  revision: number
  /** Revision of the last change to what verifiers must know: the accepted versions and the revoked ones. */
  publishedRevision: number
  policy: Policy
  rotation?: RotationRequest
  versions: readonly Version[]
}

/** The name becomes a folder in one store and part of URLs everywhere. */
export function isKeyringName(name: string): boolean {
  return /^[a-z][a-z0-9-]{0,62}$/.test(name)
}

/** A keyring as a caller makes it; the store has not yet given it a revision. */
export function newKeyring(name: string, kind: KindName, algorithm: string, policy: Policy): Keyring {
  if (!isKeyringName(name)) {
    throw new KeyringError(
      'INVALID_NAME',
      `"${name}" is no keyring name: small letters, digits and hyphens, at most 63`,
    )
  }
  return { name, kind, algorithm, revision: 0, publishedRevision: 0, policy, versions: [] }
}

export function activeVersion(keyring: Keyring): Version | undefined {
  return keyring.versions.find((version) => version.state === 'active')
}

/** The version that would take over next: the oldest one prepared that is not to be revoked. */
export function standbyVersion(keyring: Keyring): Version | undefined {
  return keyring.versions.find((version) => version.state === 'prepared' && !version.revocation)
}

/** @throws KeyringError `UNKNOWN_VERSION` */
export function versionOf(keyring: Keyring, id: string): Version {
  const version = keyring.versions.find((candidate) => candidate.id === id)
  if (!version) throw new KeyringError('UNKNOWN_VERSION', `keyring ${keyring.name} has no version ${id}`, { id })
  return version
}

/**
 * Gives a document the revision under which a store is about to save it. Every store calls it with the document that
 * the change started from, so that `since` and `publishedRevision` are as monotone as the revision itself.
 */
export function stamp(previous: Keyring | undefined, next: Keyring, revision: number): Keyring {
  const unchanged = previous !== undefined && publishedForm(previous) === publishedForm(next)
  return {
    ...next,
    revision,
    publishedRevision: unchanged ? next.publishedRevision : revision,
    versions: next.versions.map((version) => (version.since === 0 ? { ...version, since: revision } : version)),
  }
}

function publishedForm(keyring: Keyring): string {
  const named = (keep: (version: Version) => boolean) => keyring.versions.filter(keep).map((version) => version.id)
  return JSON.stringify([named(isAccepted).sort(), named((version) => version.state === 'revoked').sort()])
}
