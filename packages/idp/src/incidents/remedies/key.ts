import type { KeyShown, Plan, Promotion } from '@rekey/breakglass'
import { isAccepted, type Keyring, type KeyringStore, type Version } from '@rekey/keyring'
import { iso, isoIfSet } from '@rekey/service'
import { thumbprintOf } from '../../credentials/key.ts'
import { IdpError } from '../../error.ts'
import { isSigning } from '../../signing/keys.ts'

/** A signing key, and the keyring that it stands in. */
export interface FoundKey {
  keyring: Keyring
  version: Version
}

/** The keyrings that tokens hang on, as the database has them now. */
export async function signingKeyringsIn(store: Pick<KeyringStore, 'list'>): Promise<Keyring[]> {
  return (await store.list()).filter(isSigning)
}

/** Looks for a signing key by its `kid` in what the database has now. */
export async function findKey(store: Pick<KeyringStore, 'list'>, kid: string): Promise<FoundKey | undefined> {
  for (const keyring of await signingKeyringsIn(store)) {
    const version = keyring.versions.find(({ id }) => id === kid)
    if (version) return { keyring, version }
  }
  return undefined
}

/** @throws IdpError `UNKNOWN_KID` */
export async function requireKey(store: Pick<KeyringStore, 'list'>, kid: string): Promise<FoundKey> {
  const found = await findKey(store, kid)
  if (found) return found
  throw new IdpError('UNKNOWN_KID', 'no keyring has a key of this kid; it may have been retired long ago')
}

/**
 * From when on the key may have been in other hands, in milliseconds: by the plan, or since it signs. Whoever needs more (it was
 * rolled back to, or taken while it was in reserve) says since when.
 *
 * @returns nothing where neither is known
 */
export function sinceOf({ since }: Pick<Plan, 'since'>, found: FoundKey | undefined): number | undefined {
  if (since !== undefined) return Date.parse(since)
  return found?.version.activatedAt ?? found?.version.preparedAt
}

/** All that are accepted, and the revoked ones, as evidence shows them. */
export async function keysNow(store: Pick<KeyringStore, 'list'>): Promise<KeyShown[]> {
  const keyrings = await signingKeyringsIn(store)
  return keyrings.flatMap((keyring) =>
    keyring.versions
      .filter((version) => isAccepted(version) || version.state === 'revoked')
      .map((version) => showKey({ keyring, version })),
  )
}

export function showKey({ keyring, version }: FoundKey): KeyShown {
  const { id, state, reason, revokedAt, publicPart } = version
  return {
    kid: id,
    keyring: keyring.name,
    algorithm: keyring.algorithm,
    state,
    thumbprint: thumbprintOf(publicPart),
    ...(reason === undefined ? {} : { reason }),
    ...(revokedAt === undefined ? {} : { revokedAt: isoIfSet(revokedAt) }),
  }
}

/** @param everywhereAt when the last instance had left the key before */
export function showSuccessor({ keyring, version }: FoundKey, everywhereAt: number): Promotion['successors'][number] {
  return {
    keyring: keyring.name,
    kid: version.id,
    activatedAt: iso(version.activatedAt ?? everywhereAt),
    everywhereAt: iso(everywhereAt),
  }
}
