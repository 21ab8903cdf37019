import { currentRevision } from '@rekey/database'
import type { Keyring } from '@rekey/keyring'
import { type Recall, RevocationJournal, recall, roomIn } from '@rekey/service'
import { systemClock } from '../clock.ts'
import { columnsKeyring } from '../columns/list.ts'
import type { Config } from '../config.ts'
import { type Credentials, openCredentials } from '../credentials/open.ts'
import { freezeMemory, freezingNow } from '../incidents/freeze/memory.ts'
import { freezeReminder } from '../incidents/freeze/reminder.ts'
import { issuanceMemory } from '../issuance/memory.ts'
import { loadIssuance } from '../issuance/store.ts'
import { instanceMemory } from '../memory.ts'
import { journalHolder } from '../revocations/holder.ts'
import { noRevocationsJournal, type RevocationsJournal, revocationsJournal } from '../revocations/journal.ts'
import { segmentsIn } from '../revocations/segments.ts'
import type { IdpDatabase } from '../tables.ts'
import { findVerifier, type VerifierCredential } from '../trust/credential.ts'
import { type TrustHub, trustHub } from '../trust/hub.ts'
import { trustSince } from '../trust/since.ts'
import type { Keyrings } from './keyrings.ts'
import type { Opening } from './opening.ts'

/** What an instance holds in memory, on its view of the database. */
export interface Held {
  verifierCredentials: Recall<VerifierCredential>
  memory: ReturnType<typeof instanceMemory>
  issuance: ReturnType<typeof issuanceMemory>
  freeze: ReturnType<typeof freezeMemory>
}

/** The memory of an instance, which is empty yet, and who is told of what is in it. */
export async function openHeld(opening: Opening, keyrings: Keyrings) {
  const { config, connections, opened, log } = opening
  const { connection, control } = connections
  const requireRoom = roomIn(connection.pool)
  const mayRead = () => requireRoom()
  const credentials = opened(openCredentials(connection.db, control.db, config, keyrings.sealer, mayRead, log))
  const hub = trustHub()
  opened({ close: async () => hub.close() })
  const reminder = opened(freezeReminder(log))
  const held: Held = {
    memory: await memoryOf(opening, keyrings, credentials.clients, hub),
    issuance: issuanceMemory(() => loadIssuance(control.db)),
    freeze: freezeMemory(() => freezingNow(control.db), reminder.take),
    verifierCredentials: recall((id) => findVerifier(connection.db, id), mayRead),
  }
  return { credentials, held, hub, requireRoom }
}

async function memoryOf(
  { config, connections, log }: Opening,
  { columnKeys, sealer, store }: Keyrings,
  clients: Credentials['clients'],
  hub: TrustHub,
): Promise<Held['memory']> {
  const { db } = connections.control
  const journal = await RevocationJournal.open(config.revocationJournal)
  const epoch = async () => (await currentRevision(db)).epoch
  const onError = (error: unknown) => log.error({ err: error }, 'what is revoked could not be written to the journal')
  const readTrust = (deniedAfter: number) => trustSince(db, store, deniedAfter)
  const take = (others: readonly Keyring[]) => columnKeys.held.take(others.find(({ name }) => name === columnsKeyring))
  const revocations = revocationsOf(config, db, onError)
  return instanceMemory(readTrust, epoch, sealer, clients, hub, journal, systemClock, onError, take, revocations)
}

/** Beside the journal of keyrings: a day a file, where that one is kept for ever. */
function revocationsOf(config: Config, db: IdpDatabase, onError: (error: unknown) => void): RevocationsJournal {
  if (config.revocationJournal === undefined) return noRevocationsJournal
  const segments = segmentsIn(`${config.revocationJournal}.d`)
  const holder = journalHolder(`${config.revocationJournal}.database`, db, systemClock)
  return revocationsJournal(db, segments, config.columns.backupsKeptMs, onError, holder)
}
