import { KeyringError } from '../error.ts'
import type { AnyPolicy, ClientPolicy } from '../policy/client.ts'
import type { Policy } from '../policy/signing.ts'
import { isAccepted, type Version } from './version.ts'

/** The sorts of secret that our own instances produce with. */
export type InstanceKindName = 'signing-key' | 'shared-secret' | 'sealing-key' | 'salt' | 'encryption-key'

/** The sorts of secret that somebody else holds: a client that produces with it, a receiver that verifies by it. */
export type ClientKindName = 'client-secret' | 'client-key' | 'webhook-secret'

/** The sorts of secret that this release rotates. */
export type KindName = InstanceKindName | ClientKindName

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
 * on `revision`. Its policy says which sort of keyring it is: ours, unless told otherwise, or a client's.
 */
export interface Keyring<P extends AnyPolicy = Policy> {
  name: string
  kind: P extends ClientPolicy ? ClientKindName : InstanceKindName
  /** What its versions sign with. Empty for a client's: a secret signs nothing, and each public key names its own. */
  algorithm: string
  /** Set by the store; grows with every save. 0 means that it was never saved. */
  revision: number
  /** Revision of the last change to what verifiers must know: the accepted versions and the revoked ones. */
  publishedRevision: number
  policy: P
  rotation?: RotationRequest
  versions: readonly Version[]
}

/** A keyring that a client holds. */
export type ClientKeyring = Keyring<ClientPolicy>

/** The name becomes a folder in one store and part of URLs everywhere. */
export function isKeyringName(name: string): boolean {
  return /^[a-z][a-z0-9-]{0,62}$/.test(name)
}

/** A keyring as a caller makes it; the store has not yet given it a revision. */
export function newKeyring(name: string, kind: InstanceKindName, algorithm: string, policy: Policy): Keyring {
  return empty<Policy>(name, { kind, algorithm, policy })
}

/** A client's keyring as a caller makes it: it has no version yet. */
export function newClientKeyring(name: string, kind: ClientKindName, policy: ClientPolicy): ClientKeyring {
  return empty<ClientPolicy>(name, { kind, algorithm: '', policy })
}

function empty<P extends AnyPolicy>(name: string, of: Pick<Keyring<P>, 'kind' | 'algorithm' | 'policy'>): Keyring<P> {
  if (!isKeyringName(name)) {
    throw new KeyringError(
      'INVALID_NAME',
      `"${name}" is no keyring name: small letters, digits and hyphens, at most 63`,
    )
  }
  return { name, ...of, revision: 0, publishedRevision: 0, versions: [] }
}

export function activeVersion(keyring: Keyring<AnyPolicy>): Version | undefined {
  return keyring.versions.find((version) => version.state === 'active')
}

/** The version that would take over next: the oldest one prepared that is not to be revoked. */
export function standbyVersion(keyring: Keyring): Version | undefined {
  return keyring.versions.find((version) => version.state === 'prepared' && !version.revocation)
}

/** @throws KeyringError `UNKNOWN_VERSION` */
export function versionOf(keyring: Keyring<AnyPolicy>, id: string): Version {
  const version = keyring.versions.find((candidate) => candidate.id === id)
  if (!version) throw new KeyringError('UNKNOWN_VERSION', `keyring ${keyring.name} has no version ${id}`, { id })
  return version
}

/**
 * Gives a document the revision under which a store is about to save it. Every store calls it with the document that
 * the change started from, so that `since` and `publishedRevision` are as monotone as the revision itself.
 */
export function stamp<P extends AnyPolicy>(
  previous: Keyring<P> | undefined,
  next: Keyring<P>,
  revision: number,
): Keyring<P> {
  const unchanged = previous !== undefined && publishedForm(previous) === publishedForm(next)
  return {
    ...next,
    revision,
    publishedRevision: unchanged ? next.publishedRevision : revision,
    versions: next.versions.map((version) => (version.since === 0 ? { ...version, since: revision } : version)),
  }
}

function publishedForm(keyring: Keyring<AnyPolicy>): string {
  const named = (keep: (version: Version) => boolean) => keyring.versions.filter(keep).map((version) => version.id)
  return JSON.stringify([named(isAccepted).sort(), named((version) => version.state === 'revoked').sort()])
}
