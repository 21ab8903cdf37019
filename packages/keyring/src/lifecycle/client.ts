/** The changes that only a keyring which a client holds can go through. Pure functions, as those in transition.ts. */
import { KeyringError } from '../error.ts'
import { activeVersion, type ClientKeyring } from './keyring.ts'
import { activate, prepare, retire, revoke } from './transition.ts'
import { type ClientMaterial, endOf, isAccepted } from './version.ts'

/**
 * Gives the client a new version: it is the active one from the first save that has it. The one that it replaces, if any, is
 * accepted beside it until its overlap ends.
 *
 * @param material `expiresAt` is its own end, in milliseconds since the epoch; none if absent
 * @param overlapUntil the end of the overlap, in milliseconds since the epoch. What is retiring already keeps the end that it
 *   has. `null`: no overlap; every older version that is accepted is retired here and now.
 * @throws KeyringError `KEYRING_CLOSED`, `VERSION_REUSED`
 */
export function succeed(
  keyring: ClientKeyring,
  material: ClientMaterial,
  overlapUntil: number | null,
  now: number,
): ClientKeyring {
  if (isClosed(keyring)) throw new KeyringError('KEYRING_CLOSED', `keyring ${keyring.name} is closed`)
  const former = activeVersion(keyring)
  const succeeded = activate(prepare(keyring, material, now), material.id, now)
  const next = former && overlapUntil !== null ? withOverlap(succeeded, former.id, overlapUntil) : succeeded
  return next.versions
    .filter((version) => version.state === 'retiring' && (overlapUntil === null || now >= (endOf(version) ?? Infinity)))
    .reduce((kept, { id }) => retire(kept, id, now), next)
}

/** Revokes every version that is accepted, for good: a closed keyring is not given another. */
export function closeKeyring(
  keyring: ClientKeyring,
  cause: { reason: string; incident?: string },
  now: number,
): ClientKeyring {
  return keyring.versions.filter(isAccepted).reduce((closing, { id }) => revoke(closing, id, cause, now), keyring)
}

/** Had it versions, and is none accepted by its state any more? */
export function isClosed({ versions }: Pick<ClientKeyring, 'versions'>): boolean {
  return versions.length > 0 && !versions.some(isAccepted)
}

function withOverlap(keyring: ClientKeyring, id: string, overlapUntil: number): ClientKeyring {
  const versions = keyring.versions.map((version) =>
    version.id === id
      ? { ...version, acceptedUntil: Math.min(overlapUntil, version.expiresAt ?? overlapUntil) }
      : version,
  )
  return { ...keyring, versions }
}
