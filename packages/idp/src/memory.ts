import { type ChangeRecord, keyringTopic, type Sealer } from '@rekey/database'
import type { Keyring } from '@rekey/keyring'
import type { Forgotten, Recall, RevocationJournal } from '@rekey/service'
import type { Clock } from './clock.ts'
import { agentTopic, type Client } from './credentials/client.ts'
import { deniedMemory } from './denied/memory.ts'
import { deniedTopic } from './denied/store.ts'
import { noRevocationsJournal, type RevocationsJournal } from './revocations/journal.ts'
import { isSigning, type PrivateKeys, type SigningKeys, signingKeysFrom } from './signing/keys.ts'
import type { TrustHub } from './trust/hub.ts'
import type { TrustRead } from './trust/since.ts'

/**
 * What an instance keeps in memory, on its view of the database: keys ready to sign, and clients. Whatever changes
 * there is told to the verifiers that are connected.
 *
 * @param revocations what else was revoked than versions of keyrings
 * @param others takes the keyrings that sign nothing: no verifier has to know of them
 */
export function instanceMemory(
  readTrust: (deniedAfter: number) => Promise<TrustRead>,
  readEpoch: () => Promise<number>,
  sealer: Sealer,
  clients: Pick<Recall<Client>, 'forget' | 'forgetAll'>,
  hub: TrustHub,
  journal: RevocationJournal,
  clock: Clock,
  onError: (error: unknown) => void,
  others: (keyrings: readonly Keyring[]) => void = () => undefined,
  revocations: RevocationsJournal = noRevocationsJournal,
) {
  const privateKeys: PrivateKeys = new Map()
  let keys = signingKeysFrom([], sealer, privateKeys)
  const denied = deniedMemory()
  let epoch = 0
  let forgotten: readonly Forgotten[] = []

  // All of it as it stood at one moment: the newest revision among its parts then stands for them all.
  async function readAll(anew: boolean): Promise<void> {
    const read = await readTrust(anew ? 0 : denied.revision())
    forgotten = read.keyrings.flatMap((keyring) => journal.forgottenBy(keyring))
    const signing = read.keyrings.filter(isSigning)
    keys = signingKeysFrom(
      signing.map((keyring) => journal.corrected(keyring)),
      sealer,
      privateKeys,
    )
    // As they stand: what a restored database has encrypted by a key that was revoked since can be read by no other.
    others(read.keyrings.filter((keyring) => !isSigning(keyring)))
    if (anew) denied.forgetAll()
    const news = denied.take(read.denied)
    hub.publish({
      epoch,
      n: Math.max(keys.publishedRevision, denied.revision()),
      keys: keys.publicKeys,
      revokedKids: keys.revokedKids,
      denied: () => denied.entries(clock()),
      deniedNews: anew ? undefined : news,
    })
    // After those whom it concerns were told. A full disk must not end an IdP that has a key to revoke.
    await journal.remember(read.keyrings).catch(onError)
  }

  return {
    keys: (): SigningKeys => keys,
    /** Is this token on the deny-list? */
    denies: denied.denies,
    issuableFrom: denied.issuableFrom,
    /** What was revoked, and stands in the database as if it never had been. */
    forgotten: (): readonly Forgotten[] => forgotten,
    /** Writes what could not be written to the journal when it was revoked. */
    async writeJournal(): Promise<void> {
      await journal.remember([]).catch(onError)
      await revocations.follow()
    },
    /** Throws everything away and reads it anew. */
    async reload(): Promise<void> {
      clients.forgetAll()
      epoch = await readEpoch()
      // Before anything is read of what a restored backup may have wrong.
      await revocations.reconcile(epoch)
      await readAll(true)
    },
    /** Reads again what changed. */
    async apply(changes: readonly ChangeRecord[]): Promise<void> {
      for (const { topic, key } of changes) if (topic === agentTopic) clients.forget(key)
      if (changes.some(({ topic }) => topic === keyringTopic || topic === deniedTopic)) await readAll(false)
      // Before the instance confirms that it has applied a revocation.
      await revocations.follow()
    },
    /** Nothing of it may be acted on any more: verifiers must find an instance that holds a lease. */
    drop(): void {
      clients.forgetAll()
      hub.closeAll()
    },
  }
}
