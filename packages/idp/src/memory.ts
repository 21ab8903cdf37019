import { type ChangeRecord, keyringTopic, type Sealer } from '@rekey/database'
import type { KeyringStore } from '@rekey/keyring'
import { agentTopic, type ClientCredential } from './agents/credentials.ts'
import type { Recall } from './recall.ts'
import { type PrivateKeys, type SigningKeys, signingKeysFrom } from './signing/keys.ts'
import type { TrustHub } from './trust/hub.ts'
import type { Forgotten, RevocationJournal } from './trust/journal.ts'

/**
 * What an instance keeps in memory, on its view of the database: keys ready to sign, and credentials. Whatever changes
 * there is told to the verifiers that are connected.
 */
export function instanceMemory(
  store: Pick<KeyringStore, 'list'>,
  readEpoch: () => Promise<number>,
  sealer: Sealer,
  credentials: Pick<Recall<ClientCredential>, 'forget' | 'forgetAll'>,
  hub: TrustHub,
  journal: RevocationJournal,
  onError: (error: unknown) => void,
) {
  const privateKeys: PrivateKeys = new Map()
  let keys = signingKeysFrom([], sealer, privateKeys)
  let epoch = 0
  let forgotten: readonly Forgotten[] = []

  // All keyrings in one statement, so in one snapshot: the newest published revision among them then stands for them all.
  async function readKeyrings(): Promise<void> {
    const listed = await store.list()
    forgotten = listed.flatMap((keyring) => journal.forgottenBy(keyring))
    keys = signingKeysFrom(
      listed.map((keyring) => journal.corrected(keyring)),
      sealer,
      privateKeys,
    )
    hub.publish({ epoch, n: keys.publishedRevision, keys: keys.publicKeys, revokedKids: keys.revokedKids })
    // After those whom it concerns were told. A full disk must not end an IdP that has a key to revoke.
    await journal.remember(listed).catch(onError)
  }

  return {
    keys: (): SigningKeys => keys,
    /** What was revoked, and stands in the database as if it never had been. */
    forgotten: (): readonly Forgotten[] => forgotten,
    /** Writes what could not be written to the journal when it was revoked. */
    writeJournal: (): Promise<void> => journal.remember([]).catch(onError),
    /** Throws everything away and reads it anew. */
    async reload(): Promise<void> {
      credentials.forgetAll()
      epoch = await readEpoch()
      await readKeyrings()
    },
    /** Reads again what changed. */
    async apply(changes: readonly ChangeRecord[]): Promise<void> {
      for (const { topic, key } of changes) if (topic === agentTopic) credentials.forget(key)
      if (changes.some(({ topic }) => topic === keyringTopic)) await readKeyrings()
    },
    /** Nothing of it may be acted on any more: verifiers must find an instance that holds a lease. */
    drop(): void {
      credentials.forgetAll()
      hub.closeAll()
    },
  }
}
