import type { ColumnKey, ColumnKeys, Sealer } from '@rekey/database'
import { activeVersion, isAccepted, type Keyring } from '@rekey/keyring'
import { columnsKeyring } from './list.ts'
import { openedKey } from './material.ts'

/** The keys of encrypted columns as an instance holds them, on its view of the database. */
export interface HeldColumnKeys extends ColumnKeys {
  /** As it was read last; absent while no instance has begun the keyring. */
  document(): Keyring | undefined
  /** What the instance says of itself: that it knows of encrypted columns, and which keys it holds. */
  announce(): readonly string[]
  /** Takes in how the keyring stands now. */
  take(keyring: Keyring | undefined): void
}

/**
 * A version is sealed by when it is active and every live instance was seen to hold it: nobody may be left unable to read what
 * others write. Its key is held while it is accepted.
 *
 * @param given the key of a version that was read from a source, if it was
 */
export function heldColumnKeys(sealer: Sealer, given: (id: string) => Uint8Array | undefined): HeldColumnKeys {
  let document: Keyring | undefined
  let made: ReadonlyMap<string, Uint8Array> = new Map()

  const find = (id: string) => (isAcceptedIn(document, id) ? (made.get(id) ?? given(id)) : undefined)

  return {
    find,
    get sealing() {
      const active = document && activeVersion(document)
      return active?.servedAt === undefined ? undefined : withKey(active.id, find(active.id))
    },
    document: () => document,
    announce: () => [columnsKeyring, ...acceptedIds(document).filter((id) => find(id) !== undefined)],
    take(keyring) {
      document = keyring
      made = openedOf(keyring, sealer, made)
    },
  }
}

const withKey = (id: string, key: Uint8Array | undefined): ColumnKey | undefined => key && { id, key }

function openedOf(
  keyring: Keyring | undefined,
  sealer: Sealer,
  before: ReadonlyMap<string, Uint8Array>,
): ReadonlyMap<string, Uint8Array> {
  const accepted = keyring?.versions.filter(isAccepted) ?? []
  return new Map(
    accepted.flatMap(({ id, sealedPrivate }) =>
      // Sealed anew under another root key it is the same key.
      sealedPrivate === undefined ? [] : [[id, before.get(id) ?? openedKey(sealer, id, sealedPrivate)]],
    ),
  )
}

const acceptedIds = (keyring: Keyring | undefined) => (keyring?.versions ?? []).filter(isAccepted).map(({ id }) => id)
const isAcceptedIn = (keyring: Keyring | undefined, id: string) => acceptedIds(keyring).includes(id)
