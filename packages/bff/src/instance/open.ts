import { randomUUID } from 'node:crypto'
import {
  type AuditSigner,
  type Connection,
  databaseKeyringStore,
  type HeldRootKeys,
  type InstanceView,
  notifyThrough,
  openView,
  sealerFor,
  type Viewer,
} from '@rekey/database'
import { type Hands, type Loop, startLoop } from '@rekey/keyring'
import {
  type Audit,
  every,
  leaseIn,
  openAudit,
  roomIn,
  settleRootKeys,
  shownRootKeys,
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

/** By which an instance reaches its database. */
interface Connections {
  /** For requests. */
  connection: Connection<BffTables>
  /** For the lease, the keyrings and the loop: a flood of requests must not cost the lease. */
  control: Connection<BffTables>
}

interface Roots {
  /** What is sealed is sealed under one of them. */
  rootKeys: HeldRootKeys
  /** Of the audit's checkpoints. */
  signer: AuditSigner
}

/**
 * Opens an instance: makes sure that its keyrings exist, reads everything and holds its first lease.
 *
 * @throws DatabaseError, KeyringError `POLICY_INVALID`, ServiceError `CONFIG_INVALID`
 */
export async function openBff(config: Config, connections: Connections, roots: Roots, log: Logger): Promise<Bff> {
  const opened: Opened = []
  const close = async () => {
    for (const part of opened.splice(0).reverse()) await part.close()
  }
  try {
    const base = await openBase(config, connections, roots, opened, log)
    const services = await openServices(base, opened)
    return { ...base, ...services, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** What is closed in the end, the last one first. */
type Opened = { close(): Promise<unknown> }[]

/** Its view of the database, and the keyrings on it. */
async function openBase(
  config: Config,
  { connection, control }: Connections,
  { rootKeys: roots, signer }: Roots,
  opened: Opened,
  log: Logger,
) {
  const { db } = control
  const stored = () => storedUnder(db)
  const settle = () => settleRootKeys(roots, db, stored)
  const sealer = sealerFor(roots)
  const store = databaseKeyringStore(db)
  const own = ownKeyringsOf(config, store, sealer, settle, log)
  const memory = sessionMemory(connection.db, sealer, roomIn(connection.pool))
  await settle()
  await own.ensure()

  let loop: Loop | undefined
  const renewal = {
    async before() {
      // Nobody waited for this instance meanwhile: others may seal under a root key that it does not hold.
      await settle()
      // Each time: a restored backup may know nothing of how long the sessions live that this instance begins.
      await own.ensure()
    },
    async opened() {
      roots.openedAll()
      await settle()
    },
  }
  const viewer = viewerOf({ keyrings: own.memory, sessions: memory }, renewal, () => loop?.poke(), log)
  const { view, audit } = await openedView(config, control, roots, signer, viewer, log)
  opened.push(view, audit)
  const hands: Hands = { store, make: own.make, observe: (keyring) => evidenceFor(db, view, keyring) }
  const onError = (error: unknown) => log.error({ err: error }, 'rotation loop')
  loop = startLoop(hands, { everyMs: loopBeatMs, enabled: () => view.held(), onError })
  loop.poke()
  opened.push({ close: () => loop.stop() })

  const keyrings = own.memory.held
  const sealAnew = () => sealSessionsAnew(db, sealer, roots.sealing.id)
  const endings = [
    watchDrains({ connection, hands, keyrings, log, view }),
    own.watch(() => view.held()),
    watchRootKeys(roots, db, stored, signer, log),
    every(pruneEveryMs, () => prune(db, view, sealAnew, log), onError),
  ]
  opened.push({ close: () => Promise.all(endings.map((end) => end())) })

  return {
    ...{ audit, config, connection, hands, keyrings, log, loop, memory, sealer, store, view },
    clock: systemClock,
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
  const provider = await openProvider({ ...around, ...config, settings: config.provider, connection })
  opened.push(provider)
  const bearer = await openBearer({ idps: config.files.idps, environment: config.issuer }, around)
  opened.push(bearer)
  const authz = config.files.pdp && openAuthz(config.files.pdp, around)
  if (authz) opened.push(authz)
  const sessions = openSessions({ ...base, provider })
  opened.push(sessions)
  return { authz, bearer, fetch, provider, sessions }
}

async function openedView(
  config: Config,
  { db, pool }: Connection<BffTables>,
  roots: HeldRootKeys,
  signer: AuditSigner,
  viewer: Viewer,
  log: Logger,
): Promise<{ view: InstanceView; audit: Audit }> {
  const view = await openView(db, viewer, {
    id: randomUUID(),
    address: addressOf(config),
    listenUrl: config.databaseDirectUrl,
    notify: notifyThrough(pool),
    rootKeys: roots,
    onError: (error) => log.error({ err: error }, 'view of the database could not be confirmed'),
  })
  const audit = await openAudit(db, signer, { ...config, auditOutboxes: [] }, log).catch(async (error) => {
    await view.close()
    throw error
  })
  return { view, audit }
}

/** Where this instance itself can be reached; the public URL is that of many. */
function addressOf({ host, port }: Config): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
