import { type ChangeRecord, keyringTopic, type Sealer } from '@rekey/database'
import { activeVersion, isAccepted, type Keyring, type KeyringStore } from '@rekey/keyring'
import { type Forgotten, type RevocationJournal, ServiceError } from '@rekey/service'
import { saltKeyring } from './held/salt.ts'
import { sealingKeyring } from './held/sealing.ts'
import { type OpenedVersion, openedVersion } from './held/version.ts'
import type { HeldKeyrings, SaltKeyring, SaltName, SealingKeyring, SealingName } from './held.ts'
import { recordOf } from './make.ts'
import { ownKeyrings, ownNames } from './own.ts'

/** The keyrings on an instance's view of the database. */
export interface KeyringMemory {
  readonly held: HeldKeyrings
  /** What was revoked, and stands in the database as if it never had been. */
  forgotten(): readonly Forgotten[]
  /** Writes what could not be written to the journal when it was revoked. */
  writeJournal(): Promise<void>
  /** Throws everything away and reads it anew. @throws DatabaseError `ROOT_KEY_MISMATCH`, `SEAL_DAMAGED` */
  reload(): Promise<void>
  /** Reads again what changed. */
  apply(changes: readonly ChangeRecord[]): Promise<void>
  /** Nothing of it may be used any more until it was read anew: until then `sealing` and `salt` throw `NO_LEASE`. */
  drop(): void
}

/** Versions that were opened, by the record that they are stored under: a change opens nothing that was opened before. */
type Secrets = Map<string, OpenedVersion>

interface Ready {
  sealing: ReadonlyMap<string, SealingKeyring>
  salts: ReadonlyMap<string, SaltKeyring>
}

const nothing: Ready = { sealing: new Map(), salts: new Map() }

/**
 * @param journal what was revoked by it is revoked here, whatever the database says now
 * @param onError is told when it could not be written
 */
export function keyringMemory(
  store: Pick<KeyringStore, 'list'>,
  sealer: Sealer,
  journal: RevocationJournal,
  onError: (error: unknown) => void,
): KeyringMemory {
  let secrets: Secrets = new Map()
  let documents: ReadonlyMap<string, Keyring> = new Map()
  let ready = nothing
  let forgotten: readonly Forgotten[] = []

  async function readAll(): Promise<void> {
    const stored = await store.list()
    const read = new Map(stored.map((keyring) => [keyring.name, journal.corrected(keyring)]))
    const opened: Secrets = new Map()
    ready = readyFrom(read, (keyring) => openedOf(keyring, sealer, secrets, opened))
    documents = read
    secrets = opened
    forgotten = stored.flatMap((keyring) => journal.forgottenBy(keyring))
    // After it is refused here. A full disk must not end a BFF that has a version to revoke.
    await journal.remember(stored).catch(onError)
  }

  return {
    held: {
      sealing: (name: SealingName) => ready.sealing.get(name) ?? refuse(name),
      salt: (name: SaltName) => ready.salts.get(name) ?? refuse(name),
      documents: () => documents,
    },
    forgotten: () => forgotten,
    writeJournal: () => journal.remember([]).catch(onError),
    async reload() {
      secrets = new Map()
      await readAll()
    },
    async apply(changes) {
      if (changes.some(({ topic }) => topic === keyringTopic)) await readAll()
    },
    drop() {
      secrets = new Map()
      ready = nothing
    },
  }
}

function readyFrom(
  documents: ReadonlyMap<string, Keyring>,
  openAll: (keyring: Keyring) => ReadonlyMap<string, OpenedVersion>,
): Ready {
  const sealing = new Map<string, SealingKeyring>()
  const salts = new Map<string, SaltKeyring>()
  for (const name of ownNames) {
    const keyring = documents.get(name)
    if (!keyring) continue
    const versions = openAll(keyring)
    const active = versions.get(activeVersion(keyring)?.id ?? '')
    if (!active) continue
    if (ownKeyrings[name].kind === 'salt') salts.set(name, saltKeyring(active, versions.values()))
    else sealing.set(name, sealingKeyring(active, versions))
  }
  return { sealing, salts }
}

function openedOf(keyring: Keyring, sealer: Sealer, before: Secrets, after: Secrets): Map<string, OpenedVersion> {
  const versions = new Map<string, OpenedVersion>()
  for (const { id, sealedPrivate } of keyring.versions.filter(isAccepted)) {
    if (sealedPrivate === undefined) continue
    const record = recordOf(keyring.name, id)
    // Sealed anew under another root key it is still the same secret, and no version's id is ever used twice.
    const opened = before.get(record) ?? openedVersion(keyring.name, id, sealer.open(record, sealedPrivate))
    after.set(record, opened)
    versions.set(id, opened)
  }
  return versions
}

function refuse(name: string): never {
  throw new ServiceError('NO_LEASE', `this instance does not hold the keyring ${name} at the moment; try again`)
}
