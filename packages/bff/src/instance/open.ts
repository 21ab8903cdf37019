import { databaseKeyringStore, sealerFor } from '@rekey/database'
import { type Hands, type Loop, startLoop } from '@rekey/keyring'
import {
  type Connections,
  every,
  leaseIn,
  type Opened,
  openAuditedView,
  openDeclared,
  openParts,
  RevocationJournal,
  type Roots,
  renewalOf,
  revokeForgotten,
  roomIn,
  settleRootKeys,
  shownRootKeys,
  waitsNoted,
  watchRootKeys,
} from '@rekey/service'
import type { Logger } from 'pino'
import { openAuthz } from '../authz/open.ts'
import { openBearer } from '../bearer/open.ts'
import type { Bff } from '../bff.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { watchDrains } from '../keyrings/drains.ts'
import { evidenceFor } from '../keyrings/evidence.ts'
import { ownKeyringsOf } from '../keyrings/open.ts'
import { correlatedFetch } from '../operations/correlation.ts'
import { newMetrics } from '../operations/metrics.ts'
import { openProvider } from '../provider/open.ts'
import { outboundFetch } from '../proxy/outbound.ts'
import { prune } from '../prune.ts'
import { storedUnder } from '../root-keys/stored.ts'
import { sessionMemory } from '../sessions/memory.ts'
import { openSessions } from '../sessions/open.ts'
import { sealSessionsAnew } from '../sessions/seal-anew.ts'
import type { BffTables } from '../tables.ts'
import { calledOrigins } from './outbound.ts'
import { viewerOf } from './viewer.ts'

const loopBeatMs = 1_000
const pruneEveryMs = 60_000

/**
 * Opens an instance: makes sure that its keyrings exist, reads everything and holds its first lease.
 *
 * @throws DatabaseError, KeyringError `POLICY_INVALID`, ServiceError `CONFIG_INVALID`
 */
export async function openBff(
  config: Config,
  connections: Connections<BffTables>,
  roots: Roots,
  log: Logger,
): Promise<Bff> {
  return openParts(async (opened) => {
    const base = await openBase(config, connections, roots, opened, log)
    return { ...base, ...(await openServices(base, opened)) }
  })
}

/** Its view of the database, and the keyrings on it. */
async function openBase(
  config: Config,
  { connection, control }: Connections<BffTables>,
  { rootKeys: roots, signer }: Roots,
  opened: Opened,
  log: Logger,
) {
  const { db } = control
  const stored = () => storedUnder(db)
  const settle = () => settleRootKeys(roots, db, stored)
  const sealer = sealerFor(roots)
  const store = databaseKeyringStore(db)
  const journal = await RevocationJournal.open(config.revocationJournal)
  const own = ownKeyringsOf(config, store, sealer, settle, journal, log)
  const memory = sessionMemory(connection.db, sealer, roomIn(connection.pool))
  await settle()
  await own.ensure()

  let loop: Loop | undefined
  const renewal = renewalOf(roots, settle, own.ensure)
  const viewer = viewerOf({ keyrings: own.memory, sessions: memory }, renewal, () => loop?.poke(), log)
  const { view, audit } = await openAuditedView(
    { ...config, auditOutboxes: [] },
    control,
    { rootKeys: roots, signer },
    viewer,
    log,
  )
  opened(view)
  opened(audit)
  const hands: Hands = { store, make: own.make, observe: (keyring) => evidenceFor(db, view, keyring) }
  const onError = (error: unknown) => log.error({ err: error }, 'rotation loop')
  const waits = waitsNoted()
  loop = startLoop(hands, {
    everyMs: loopBeatMs,
    enabled: () => view.held(),
    onError,
    onDecision: waits.note,
    afterwards: () => revokeForgotten(store, own.memory.forgotten()),
  })
  loop.poke()
  opened({ close: () => loop.stop() })

  const keyrings = own.memory.held
  const sealAnew = () => sealSessionsAnew(db, sealer, roots.sealing.id)
  const endings = [
    watchDrains({ connection, hands, keyrings, log, view }),
    own.watch(() => view.held()),
    watchRootKeys(roots, db, stored, signer, log),
    every(pruneEveryMs, () => prune(db, view, sealAnew, log), onError),
    every(pruneEveryMs, own.memory.writeJournal, onError),
  ]
  opened({ close: () => Promise.all(endings.map((end) => end())) })

  return {
    ...{ audit, config, connection, hands, keyrings, log, loop, memory, sealer, store, view, waits },
    clock: systemClock,
    declared: openDeclared(config.inventoryFile),
    isGiven: own.isGiven,
    metrics: newMetrics(),
    requireLease: leaseIn(view),
    rootKeys: shownRootKeys(roots, db),
  }
}

/** Whom it asks, and the sessions that hang on their answers. */
async function openServices(base: Awaited<ReturnType<typeof openBase>>, opened: Opened) {
  const { config, clock, connection, log, metrics } = base
  const fetch = outboundFetch(correlatedFetch(globalThis.fetch), calledOrigins(config))
  const around = { fetch, clock, random: Math.random, every, log, metrics }
  const provider = opened(await openProvider({ ...around, ...config, settings: config.provider, connection }))
  const bearer = opened(await openBearer({ idps: config.files.idps, environment: config.issuer }, around))
  const authz = config.files.pdp && opened(openAuthz(config.files.pdp, around))
  const sessions = opened(openSessions({ ...base, provider }))
  return { authz, bearer, fetch, provider, sessions }
}
