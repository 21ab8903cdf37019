import {
  connect,
  currentRevision,
  databaseKeyringStore,
  type InstanceView,
  openJobs,
  type Sealer,
  sealerFor,
} from '@rekey/database'
import { type Hands, type Keyring, type KeyringStore, type Loop, startLoop } from '@rekey/keyring'
import {
  type Connections,
  leaseIn,
  type Opened,
  openAuditedView,
  openDeclared,
  openParts,
  ownAddressOf,
  RevocationJournal,
  type Roots,
  recall,
  renewalOf,
  revokeForgotten,
  roomIn,
  settleRootKeys,
  shownRootKeys,
  type Waits,
  waitsNoted,
  watchRootKeys,
} from '@rekey/service'
import type { Logger } from 'pino'
import { gather } from '../audit/gathered.ts'
import { systemClock } from '../clock.ts'
import { columnGauge } from '../columns/gauge.ts'
import { legacyForms, requireAdmitted } from '../columns/legacy.ts'
import { columnsKeyring } from '../columns/list.ts'
import { type ColumnKeyring, openColumns } from '../columns/open.ts'
import type { ColumnSources } from '../columns/sources.ts'
import { columnSweeper } from '../columns/sweep.ts'
import type { Config } from '../config.ts'
import { openCredentials } from '../credentials/open.ts'
import { expiringGauge } from '../expiry/gauge.ts'
import { secretsRotationJob } from '../expiry/job.ts'
import { requestLimits } from '../http/limits.ts'
import { freezeMemory, freezingNow } from '../incidents/freeze/memory.ts'
import { freezeReminder } from '../incidents/freeze/reminder.ts'
import { incidentRunner } from '../incidents/runner.ts'
import type { Instance } from '../instance.ts'
import { inventoryMetrics } from '../inventory/metrics.ts'
import { carryOutMove } from '../issuance/carry-out.ts'
import { issuanceMemory } from '../issuance/memory.ts'
import { loadIssuance } from '../issuance/store.ts'
import { observe } from '../keyrings/evidence.ts'
import { instanceMemory } from '../memory.ts'
import { heldCookieKeys } from '../oidc/cookie-keys.ts'
import { newMetrics } from '../operations/metrics.ts'
import { outboundRules } from '../outbound/rules.ts'
import { prune } from '../prune.ts'
import { readProfiles } from '../registration/profiles.ts'
import {
  noRevocationsJournal,
  pruneRevocations,
  type RevocationsJournal,
  revocationsJournal,
} from '../revocations/journal.ts'
import { segmentsIn } from '../revocations/segments.ts'
import { sealAnew } from '../root-keys/seal-anew.ts'
import { storedUnder } from '../root-keys/sealed.ts'
import { keyMaker } from '../signing/make.ts'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import { usedAssertions } from '../tokens/authentication/used-assertions.ts'
import { findVerifier } from '../trust/credential.ts'
import { verifierGauges } from '../trust/gauges.ts'
import { type TrustHub, trustHub } from '../trust/hub.ts'
import { trustSince } from '../trust/since.ts'
import { deliveriesGauge } from '../webhooks/gauge.ts'
import { openWebhooks } from '../webhooks/open.ts'
import { ensureDocuments, forceRotations } from './documents.ts'
import { type Held, viewerOf } from './viewer.ts'

const loopBeatMs = 1_000
const pruneEveryMs = 60_000

/**
 * Opens an instance: makes sure that the keyrings exist, reads everything and holds its first lease.
 *
 * @throws DatabaseError, KeyringError `POLICY_INVALID`, IdpError; what was opened is closed then
 */
export function openInstance(
  config: Config,
  connections: Connections<IdpTables>,
  roots: Roots,
  sources: ColumnSources,
  log: Logger,
): Promise<Instance> {
  return openParts((opened) => openAll(config, connections, roots, sources, opened, log))
}

async function openAll(
  config: Config,
  { connection, control }: Connections<IdpTables>,
  { rootKeys: roots, signer }: Roots,
  sources: ColumnSources,
  opened: Opened,
  log: Logger,
): Promise<Omit<Instance, 'close'>> {
  const clock = systemClock
  const profiles = await readProfiles(config.oidc.clientProfiles)
  const { db } = control
  const stored = () => storedUnder(db)
  const settle = () => settleRootKeys(roots, db, stored)
  const sealer = sealerFor(roots)
  const store = databaseKeyringStore(db)
  opened({ close: async () => sources.close() })
  const legacy = legacyForms(config.columns, sources, () => columnKeys.held.document())
  const columnKeys = openColumns({
    settings: config.columns,
    db,
    store,
    sealer,
    settle,
    source: sources.keys,
    legacy,
    log,
  })
  const make = makerOf(sealer, settle, columnKeys)
  const ensure = async () => {
    await ensureDocuments(db, { store, make }, config)
    await columnKeys.ensure()
  }
  const requireRoom = roomIn(connection.pool)
  const credentials = opened(openCredentials(connection.db, db, config, sealer, () => requireRoom(), log))
  const { clients, uses, secrets } = credentials
  const hub = trustHub()
  opened({ close: async () => hub.close() })
  const reminder = opened(freezeReminder(log))
  const memory = await memoryOf(config, db, store, sealer, clients, hub, columnKeys, log)
  const issuance = issuanceMemory(() => loadIssuance(db))
  const freeze = freezeMemory(() => freezingNow(db), reminder.take)
  const verifierCredentials = recall(
    (id) => findVerifier(connection.db, id),
    () => requireRoom(),
  )
  await settle()
  await requireAdmitted(db, config.columns, sources)
  await ensure()
  if (config.forceRotation) await forceRotations(store)

  const held = { verifierCredentials, memory, issuance, freeze }
  let loop: Loop | undefined
  const renewal = renewalOf(roots, settle, ensure)
  const viewer = viewerOf(held, renewal, () => loop?.poke(), log)
  const { view, audit } = await openAuditedView(
    config,
    control,
    { rootKeys: roots, signer, alsoHeld: columnKeys.held.announce },
    viewer,
    log,
  )
  opened(view)
  opened(audit)
  const gathered = opened(
    gather(db, clock, (error) => log.error({ err: error }, 'refusals could not be written to the audit')),
  )
  const incidents = opened(incidentRunner(config, connection.db, ownAddressOf(config), log))
  const hands: Hands = {
    store,
    make,
    observe: (keyring) => observe(db, view, keyring),
    sealGiven: (_keyring, version) => columnKeys.sealGiven(version),
  }
  const waits = waitsNoted()
  loop = beginLoop(hands, db, view, held, waits, log)
  const pruning = setInterval(() => {
    prune(db, view, () => sealAnew(db, sealer, roots.sealing.id), log)
    pruneRevocations(db, config.columns.backupsKeptMs).catch((error) =>
      log.error({ err: error }, 'revocations that are long over could not be deleted'),
    )
  }, pruneEveryMs)
  const endings = [
    loop.stop,
    credentials.begin(view),
    columnKeys.watch(() => view.held()),
    watchRootKeys(roots, db, stored, signer, log),
    async () => clearInterval(pruning),
  ]
  opened({ close: () => Promise.all(endings.map((end) => end())) })
  await columnKeys.ready()
  const sweeper = columnSweeper(db, columnKeys, () => view.held(), log)
  opened({ close: sweeper.stop })
  // Of their own: neither do requests wait for deliveries, nor does the lease.
  const background = opened(connect<IdpTables>(config.databaseUrl, { max: 4, applicationName: 'rekey-idp-jobs' }))
  const jobs = opened(
    await openJobs(background.pool, {
      enabled: () => view.held(),
      onError: (error) => log.error({ err: error }, 'jobs: what failed is tried again'),
    }),
  )
  await secretsRotationJob(jobs, db, config, () => view.held(), log)
  const metrics = newMetrics()
  expiringGauge(metrics.registry, connection.db, config, log)
  columnGauge(metrics.registry, connection.db, log)
  verifierGauges(metrics.registry, connection.db, log)
  const webhooks = opened(
    await openWebhooks({
      config,
      db: background.db,
      jobs,
      columns: columnKeys.cipher,
      clock,
      view,
      counted: (outcome) => metrics.webhookAttempts.inc({ outcome }),
      log,
    }),
  )
  deliveriesGauge(metrics.registry, connection.db, log)
  const declared = openDeclared(config.inventoryFile)
  const rootKeys = shownRootKeys(roots, db)
  inventoryMetrics(metrics.registry, { store, rootKeys, connection, audit, config, declared }, log)
  const parts = {
    config,
    clock,
    connection,
    store,
    hands,
    view,
    loop,
    waits,
    clients,
    uses,
    secrets,
    sealer,
    profiles,
    columnKeys,
  }
  const own = { verifierCredentials, hub, audit, gathered, freeze, incidents, requireRoom }

  return {
    ...parts,
    ...own,
    columns: columnKeys.cipher,
    jobs,
    webhooks,
    columnSweeper: sweeper,
    rootKeys,
    declared,
    cookieKeys: heldCookieKeys(roots),
    metrics,
    limits: requestLimits(config.limits, clock),
    usedAssertions: usedAssertions(connection.db),
    outbound: outboundRules(config.oidc.outboundAllowed),
    keyLooks: new Map(),
    keys: memory.keys,
    denies: memory.denies,
    issuableFrom: memory.issuableFrom,
    issuance: issuance.current,
    requireLease: leaseIn(view),
  }
}

/** Makes keys. Under which root key is asked anew each time: another instance may have begun a moment ago to seal under a newer one. */
function makerOf(sealer: Sealer, settle: () => Promise<void>, columns: Pick<ColumnKeyring, 'make'>): Hands['make'] {
  const makeSealed = keyMaker(sealer, systemClock)
  return async (keyring) => {
    if (keyring.name === columnsKeyring) return columns.make(keyring)
    await settle()
    return makeSealed(keyring)
  }
}

async function memoryOf(
  config: Config,
  db: IdpDatabase,
  store: KeyringStore,
  sealer: Sealer,
  clients: Instance['clients'],
  hub: TrustHub,
  { held }: Pick<ColumnKeyring, 'held'>,
  log: Logger,
): Promise<Held['memory']> {
  const journal = await RevocationJournal.open(config.revocationJournal)
  const epoch = async () => (await currentRevision(db)).epoch
  const onError = (error: unknown) => log.error({ err: error }, 'what is revoked could not be written to the journal')
  const readTrust = (deniedAfter: number) => trustSince(db, store, deniedAfter)
  const take = (others: readonly Keyring[]) => held.take(others.find(({ name }) => name === columnsKeyring))
  const revocations = revocationsOf(config, db, onError)
  return instanceMemory(readTrust, epoch, sealer, clients, hub, journal, systemClock, onError, take, revocations)
}

/** Beside the journal of keyrings: a day a file, where that one is kept for ever. */
function revocationsOf(config: Config, db: IdpDatabase, onError: (error: unknown) => void): RevocationsJournal {
  if (config.revocationJournal === undefined) return noRevocationsJournal
  const segments = segmentsIn(`${config.revocationJournal}.d`)
  return revocationsJournal(db, segments, config.columns.backupsKeptMs, onError)
}

function beginLoop(
  hands: Hands,
  db: IdpDatabase,
  view: InstanceView,
  { memory, issuance }: Pick<Held, 'memory' | 'issuance'>,
  waits: Waits,
  log: Logger,
): Loop {
  const loop = startLoop(hands, {
    everyMs: loopBeatMs,
    enabled: () => view.held(),
    onError: (error) => log.error({ err: error }, 'rotation loop'),
    onDecision: waits.note,
    afterwards: async () => {
      await revokeForgotten(hands.store, memory.forgotten())
      await memory.writeJournal()
      if (issuance.current().move) await carryOutMove(db, view)
    },
  })
  loop.poke()
  return loop
}
