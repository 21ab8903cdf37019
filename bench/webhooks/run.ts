/**
 * `npm run bench:webhooks`: how many deliveries an instance makes in a second of one core, from events in the audit's chain
 * to rows that say that they were delivered, to a receiver in a process of its own. Beside it the very same POSTs, signed and
 * sent by the same code in a bare loop, that nobody writes down. Rounds are interleaved. Exits with 1 when a bar is missed.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { auditSigner, type Connection, columnCipher, connect, openChain, openJobs, recordEvents } from '@rekey/database'
import { attempt, createWebhook, keptConnections, mostToOneHost, openWebhooks, webhookRules } from '@rekey/idp/testing'
import { sql } from 'kysely'
import { startHome } from '../estate/home.ts'
import { Undo } from '../estate/undo.ts'
import { verdictLine } from '../estate/verdict.ts'

// The tables are the identity provider's; what is asked of them here is plain SQL.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Any = any

const atLeastPerCore = 1_000
const perRound = 3_000
const rounds = 3
const caller = { clientId: 'bench', organizationId: 'default', scopes: new Set<string>() }

const undo = new Undo()
undo.whenInterrupted()
process.exitCode = (await main().finally(() => undo.all())) ? 0 : 1

interface Figures {
  perSecond: number
  perCoreSecond: number
}

async function main(): Promise<boolean> {
  const port = await startReceiver()
  const url = `http://localhost:${port}/hook`
  const estate = await startEstate(url)
  const whole: Figures[] = []
  const bare: Figures[] = []
  for (let round = 0; round < rounds + 1; round += 1) {
    const [loop, path] = [await bareLoop(url), await wholePath(estate.db)]
    // The first one warms up.
    if (round === 0) continue
    bare.push(loop)
    whole.push(path)
  }
  const [path, loop] = [medianOf(whole), medianOf(bare)]
  const says = ({ perSecond, perCoreSecond }: Figures) =>
    `${Math.round(perSecond)}/s, ${Math.round(perCoreSecond)} in a second of a core`
  console.log(`whole path  ${says(path)}`)
  console.log(`bare POSTs  ${says(loop)}`)
  console.log(`ratio       ${(path.perCoreSecond / loop.perCoreSecond).toFixed(2)} of the bare POSTs a core`)
  const ok = path.perCoreSecond >= atLeastPerCore
  console.log(
    verdictLine(
      ok,
      `${Math.round(path.perCoreSecond)} deliveries in a second of one core (at least ${atLeastPerCore})`,
    ),
  )
  return ok
}

async function startReceiver(): Promise<number> {
  const child = fork(new URL('receiver.ts', import.meta.url))
  undo.add(async () => void child.kill())
  const [{ port }] = await once(child, 'message')
  return port
}

async function startEstate(url: string): Promise<Connection<Any>> {
  const home = await startHome(undo)
  const log = { error: console.error, warn: console.error, info: () => undefined } as Any
  const connection = opened(connect<Any>(home.serviceUrl, { max: 4 }))
  const writers = opened(connect<Any>(home.serviceUrl, { max: 2 }))
  const sealing = { id: 'columns-000000000000', key: Buffer.alloc(32, 7) }
  const columns = columnCipher({ find: () => sealing.key, sealing })
  await writers.pool.query(`INSERT INTO agents (agent_id, organization_id) VALUES ('bench', 'default')`)
  const signer = auditSigner({ id: 'bench', key: Buffer.alloc(32, 9) }, 'bench')
  opened(await openChain(writers.db, { signer, onError: (error) => log.error(error) }))
  const onError = (error: unknown) => log.error(error)
  const jobs = opened(await openJobs(connection.pool, { enabled: () => true, onError }))
  const body = { name: 'bench', url, events: ['credential.rotated'] }
  await writers.db.transaction().execute((tx) => createWebhook(tx as Any, plainly(columns), caller, body, 1))
  const webhooks = { allowPrivate: ['localhost'], timeoutMs: 10_000, retryBaseMs: 5_000, most: 1, keptMs: 1e9 }
  opened(
    await openWebhooks({
      config: { webhooks },
      db: connection.db,
      jobs,
      columns: plainly(columns) as Any,
      clock: Date.now,
      view: { held: () => true },
      counted: () => undefined,
      log,
    }),
  )
  return writers
}

/** The database admits plain values until an instance has made the keyring of its columns, which there is none of here. */
function plainly(columns: object) {
  return {
    ...columns,
    seal: (_c: unknown, _r: unknown, text: string) => text,
    open: (_c: unknown, _r: unknown, text: string) => text,
  }
}

function opened<Part extends { close(): Promise<unknown> }>(part: Part): Part {
  undo.add(() => part.close())
  return part
}

async function wholePath(db: Connection<Any>['db']): Promise<Figures> {
  const event = {
    action: 'credential.rotated',
    outcome: 'success' as const,
    actor: 'admin-1',
    agentId: 'agent-1',
    organizationId: 'default',
    details: { credentialId: '00000000-0000-4000-8000-000000000001', version: 'k2', previous: 'k1' },
  }
  const before = await deliveredIn(db)
  return measured(async () => {
    for (let n = 0; n < perRound; n += 500)
      await db.transaction().execute((tx: Any) =>
        recordEvents(
          tx,
          Array.from({ length: 500 }, () => event),
        ),
      )
    while ((await deliveredIn(db)) < before + perRound) await new Promise((resolve) => setTimeout(resolve, 20))
  })
}

async function deliveredIn(db: Connection<Any>['db']): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*) AS count FROM webhook_deliveries WHERE status = 'delivered'`.execute(db)
  return rows[0]?.count ?? 0
}

async function bareLoop(url: string): Promise<Figures> {
  const rules = webhookRules({ webhooks: { allowPrivate: ['localhost'] } } as Any)
  const agents = keptConnections(mostToOneHost)
  const sending = { rules, agents, timeoutMs: 10_000, now: Date.now }
  const secrets = [`whsec_${Buffer.alloc(32, 5).toString('base64')}`]
  const { signal } = new AbortController()
  const body = JSON.stringify({ type: 'credential.rotated', data: 'x'.repeat(350) })
  let left = perRound
  const sender = async () => {
    while (left-- > 0) await attempt(sending, { id: `msg_${left}`, body, url, secrets }, signal)
  }
  const figures = await measured(async () => void (await Promise.all(Array.from({ length: mostToOneHost }, sender))))
  agents.plain.destroy()
  return figures
}

async function measured(act: () => Promise<void>): Promise<Figures> {
  const [cpu, began] = [process.cpuUsage(), performance.now()]
  await act()
  const { user, system } = process.cpuUsage(cpu)
  const seconds = (performance.now() - began) / 1_000
  return { perSecond: perRound / seconds, perCoreSecond: perRound / ((user + system) / 1e6) }
}

function medianOf(figures: readonly Figures[]): Figures {
  const sorted = figures.toSorted((one, other) => one.perCoreSecond - other.perCoreSecond)
  return sorted[Math.floor(sorted.length / 2)] as Figures
}
