/**
 * One running instance of the identity provider: its view of the database, what it holds in memory on that view, and the
 * rotation loop. Everything that answers requests is given one of these.
 */
import { randomUUID } from 'node:crypto'
import {
  type AuditSigner,
  type ChangeRecord,
  type Connection,
  currentRevision,
  databaseKeyringStore,
  type HeldRootKeys,
  type InstanceView,
  notifyThrough,
  openView,
  type Sealer,
  sealerFor,
} from '@rekey/database'
import {
  changeKeyring,
  ensureKeyring,
  type Hands,
  type KeyringStore,
  type Loop,
  requestForcedRotation,
  startLoop,
} from '@rekey/keyring'
import type { Logger } from 'pino'
import { type Gathered, gather } from './audit/gathered.ts'
import { type Audit, openAudit } from './audit/open.ts'
import { type Clock, systemClock } from './clock.ts'
import { type Config, firstIssuer, signingKeyrings } from './config.ts'
import { type Credentials, openCredentials } from './credentials/open.ts'
import type { DeniableClaims } from './denied/memory.ts'
import { IdpError } from './error.ts'
import { type RequestLimits, requestLimits } from './http/limits.ts'
import { type Freeze, freezeMemory, freezingNow } from './incidents/freeze/memory.ts'
import { freezeReminder } from './incidents/freeze/reminder.ts'
import { tendProbes } from './incidents/remedies/stored-probes.ts'
import { type IncidentRunner, incidentRunner } from './incidents/runner.ts'
import { carryOutMove } from './issuance/carry-out.ts'
import { issuanceMemory } from './issuance/memory.ts'
import { ensureIssuance, type Issuance, loadIssuance } from './issuance/store.ts'
import { evidenceFor } from './keyrings/evidence.ts'
import { revokeForgotten } from './keyrings/revoke.ts'
import { instanceMemory } from './memory.ts'
import { type Metrics, newMetrics } from './operations/metrics.ts'
import { prune } from './prune.ts'
import { type Recall, recall } from './recall.ts'
import { type RootKeys, settleRootKeys, shownRootKeys, watchRootKeys } from './root-keys/watch.ts'
import type { SigningKeys } from './signing/keys.ts'
import { keyMaker } from './signing/make.ts'
import type { IdpDatabase, IdpTables } from './tables.ts'
import { findVerifier, type VerifierCredential, verifierTopic } from './trust/credential.ts'
import { type TrustHub, trustHub } from './trust/hub.ts'
import { RevocationJournal } from './trust/journal.ts'
import { trustSince } from './trust/since.ts'

const loopBeatMs = 1_000
const pruneEveryMs = 60_000
/** Requests that may wait for a connection to the database; beyond that they are turned away at once. */
const mostWaiting = 256
/** Beyond these, for incidents alone: a flood of other administration leaves them room. */
const reservedWaiting = 64

export interface Instance extends Pick<Credentials, 'clients' | 'uses' | 'secrets'> {
  config: Config
  clock: Clock
  /** For what requests need. What the instance itself needs does not queue behind them. */
  connection: Connection<IdpTables>
  store: KeyringStore
  hands: Hands
  view: InstanceView
  loop: Loop
  sealer: Sealer
  rootKeys: RootKeys
  verifierCredentials: Recall<VerifierCredential>
  hub: TrustHub
  metrics: Metrics
  limits: RequestLimits
  audit: Audit
  /** Where refusals become events of the audit. */
  gathered: Gathered
  /** Which incidents freeze administration, as this instance holds it. */
  freeze: Freeze
  /** Carries incidents out, where that is asked for. */
  incidents: IncidentRunner
  /** The keys as this instance holds them now. */
  keys(): SigningKeys
  /** Is this token on the deny-list as this instance holds it now? */
  denies(claims: DeniableClaims): boolean
  /** The first `iat`, this one or a later one, with which the deny-list as held now lets a client's token pass. In seconds. */
  issuableFrom(iss: string, clientId: string, iat: number): number
  /** Which keyring this instance issues tokens by now. */
  issuance(): Issuance
  /** @throws IdpError `NO_LEASE` while this instance may not act on what it holds */
  requireLease(): void
  /**
   * @param isUrgent work on an incident: what else waits must not keep it out
   * @throws IdpError `OVERLOADED` while too many requests wait for the database
   */
  requireRoom(isUrgent?: boolean): void
  close(): Promise<void>
}

/**
 * Opens an instance: makes sure that the keyrings exist, reads everything and holds its first lease.
 *
 * @param connection for requests
 * @param roots what is sealed is sealed under one of them
 * @param signer of the audit's checkpoints
 * @param control for the lease, the keyrings and the loop: a flood of requests must not cost the lease
 * @throws DatabaseError, KeyringError `POLICY_INVALID`
 */
export async function openInstance(
  config: Config,
  connection: Connection<IdpTables>,
  control: Connection<IdpTables>,
  roots: HeldRootKeys,
  signer: AuditSigner,
  log: Logger,
): Promise<Instance> {
  const clock = systemClock
  const { db, pool } = control
  const store = databaseKeyringStore(db)
  const sealer = sealerFor(roots)
  const makeSealed = keyMaker(sealer, clock)
  const make: Hands['make'] = async (keyring) => {
    // Asked anew each time: another instance may have begun a moment ago to seal under a newer root key.
    await settleRootKeys(roots, db)
    return makeSealed(keyring)
  }
  const requireRoom = (isUrgent = false) => {
    if (connection.pool.waitingCount < mostWaiting + (isUrgent ? reservedWaiting : 0)) return
    throw new IdpError('OVERLOADED', 'too many requests wait for the database; try again')
  }
  const credentials = openCredentials(connection.db, db, config, () => requireRoom(), log)
  const { clients, uses, secrets } = credentials
  const verifierCredentials = recall(
    (id) => findVerifier(connection.db, id),
    () => requireRoom(),
  )
  const hub = trustHub()
  const journal = await RevocationJournal.open(config.revocationJournal)
  const metrics = newMetrics()
  const limits = requestLimits(config.limits, clock)
  const epoch = async () => (await currentRevision(db)).epoch
  const onError = (error: unknown) => log.error({ err: error }, 'what is revoked could not be written to the journal')
  const readTrust = (deniedAfter: number) => trustSince(db, store, deniedAfter)
  const memory = instanceMemory(readTrust, epoch, sealer, clients, hub, journal, clock, onError)
  await settleRootKeys(roots, db)
  await ensureDocuments(db, { store, make }, config)
  if (config.forceRotation) for (const { name } of signingKeyrings) await forceRotation(store, name)
  const issuance = issuanceMemory(() => loadIssuance(db))
  const reminder = freezeReminder(log)
  const freeze = freezeMemory(() => freezingNow(db), reminder.take)

  const viewer = {
    async reload() {
      verifierCredentials.forgetAll()
      // Nobody waited for this instance meanwhile: others may seal under a root key that it does not hold.
      await settleRootKeys(roots, db)
      // Each time: a restored backup may know nothing of how long the tokens live that this instance signs.
      await ensureDocuments(db, { store, make }, config)
      await memory.reload()
      roots.openedAll()
      await settleRootKeys(roots, db)
      await issuance.reload()
      await freeze.reload()
    },
    async apply(changes: ChangeRecord[]) {
      for (const { topic, key } of changes) if (topic === verifierTopic) verifierCredentials.forget(key)
      await memory.apply(changes)
      await issuance.apply(changes)
      await freeze.apply(changes)
    },
    confirmed: () => loop?.poke(),
    lost(reason: string) {
      log.warn({ reason }, 'view of the database lost: refusing to sign until it is confirmed again')
      verifierCredentials.forgetAll()
      memory.drop()
    },
  }
  let loop: Loop | undefined
  const view = await openView(db, viewer, {
    id: randomUUID(),
    address: addressOf(config),
    listenUrl: config.databaseDirectUrl,
    notify: notifyThrough(pool),
    rootKeys: roots,
    onError: (error) => log.error({ err: error }, 'view of the database could not be confirmed'),
  })
  const audit = await openAudit(db, signer, config, log).catch(async (error) => {
    await view.close()
    throw error
  })
  const stopWatching = watchRootKeys(roots, db, signer, log)
  const gathered = gather(db, clock, (error) => log.error({ err: error }, 'refusals could not be written to the audit'))
  const hands: Hands = { store, make, observe: () => evidenceFor(db, view) }
  loop = startLoop(hands, {
    everyMs: loopBeatMs,
    enabled: () => view.held(),
    onError: (error) => log.error({ err: error }, 'rotation loop'),
    afterwards: async () => {
      await revokeForgotten(store, memory.forgotten())
      if (issuance.current().move) await carryOutMove(db, view)
    },
  })
  loop.poke()
  credentials.begin(view)
  const incidents = incidentRunner(config, connection.db, addressOf(config), log)
  const pruning = setInterval(() => {
    prune(db, view, () => tendProbes(db, sealer, roots.sealing.id), log)
    memory.writeJournal()
  }, pruneEveryMs)

  return {
    config,
    clock,
    connection,
    store,
    hands,
    view,
    loop,
    clients,
    uses,
    secrets,
    sealer,
    rootKeys: shownRootKeys(roots, db),
    verifierCredentials,
    hub,
    metrics,
    limits,
    audit,
    gathered,
    freeze,
    incidents,
    keys: memory.keys,
    denies: memory.denies,
    issuableFrom: memory.issuableFrom,
    issuance: issuance.current,
    requireRoom,
    requireLease() {
      if (!view.held()) throw new IdpError('NO_LEASE', 'this instance has no lease on the database; try again')
    },
    async close() {
      clearInterval(pruning)
      await stopWatching()
      hub.close()
      await Promise.all([loop.stop(), credentials.close(), incidents.close()])
      await reminder.close()
      await gathered.close()
      await audit.close()
      await view.close()
    },
  }
}

async function ensureDocuments(
  db: IdpDatabase,
  hands: Pick<Hands, 'store' | 'make'>,
  { policy }: Config,
): Promise<void> {
  for (const { name, algorithm } of signingKeyrings) await ensureKeyring(hands, { name, algorithm, policy })
  await ensureIssuance(db, firstIssuer)
}

/** Where this instance itself can be reached; the issuer may be the address of many. */
function addressOf({ host, port }: Config): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

async function forceRotation(store: KeyringStore, name: string): Promise<void> {
  await changeKeyring(store, name, requestForcedRotation, {
    action: 'keyring.rotation_requested',
    actor: 'rekey',
    details: { by: 'OIDC_FORCE_KEY_ROTATION' },
  })
}
