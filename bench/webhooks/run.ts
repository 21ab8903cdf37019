/**
 * `npm run bench:webhooks`: how many deliveries an instance makes in a second of one core, from events in the audit's chain
 * to rows that say that they were delivered, to a receiver in a process of its own. Beside it the very same POSTs, signed and
 * sent by the same code in a bare loop, that nobody writes down. Rounds are interleaved. Exits with 1 when a bar is missed.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { type Connection, recordEvents } from '@rekey/database'
import { attempt, keptConnections, mostToOneHost, webhookRules } from '@rekey/idp/testing'
import { sql } from 'kysely'
import { Undo } from '../estate/undo.ts'
import { verdictLine } from '../estate/verdict.ts'
import { type Any, startEstate, startReceiver } from './estate.ts'

const atLeastPerCore = 1_000
const perRound = 3_000
/** Events that are recorded in one transaction. */
const atOnce = 500
const rounds = 3

const event = {
  action: 'credential.rotated',
  outcome: 'success' as const,
  actor: 'admin-1',
  agentId: 'agent-1',
  organizationId: 'default',
  details: { credentialId: '00000000-0000-4000-8000-000000000001', version: 'k2', previous: 'k1' },
}

const undo = new Undo()
undo.whenInterrupted()
process.exitCode = (await main().finally(() => undo.all())) ? 0 : 1

interface Figures {
  perSecond: number
  perCoreSecond: number
}

async function main(): Promise<boolean> {
  const port = await startReceiver(undo)
  const url = `http://localhost:${port}/hook`
  const estate = await startEstate(undo, url)
  const whole: Figures[] = []
  const bare: Figures[] = []
  for (let round = 0; round < rounds + 1; round += 1) {
    const [loop, path] = [await bareLoop(url), await wholePath(estate.db)]
    // The first one warms up.
    if (round === 0) continue
    bare.push(loop)
    whole.push(path)
  }
  return judge(medianOf(whole), medianOf(bare))
}

function judge(path: Figures, loop: Figures): boolean {
  const says = ({ perSecond, perCoreSecond }: Figures) =>
    `${Math.round(perSecond)}/s, ${Math.round(perCoreSecond)} in a second of a core`
  console.log(`whole path  ${says(path)}`)
  console.log(`bare POSTs  ${says(loop)}`)
  console.log(`ratio       ${(path.perCoreSecond / loop.perCoreSecond).toFixed(2)} of the bare POSTs a core`)
  const ok = path.perCoreSecond >= atLeastPerCore
  const figure = `${Math.round(path.perCoreSecond)} deliveries in a second of one core`
  console.log(verdictLine(ok, `${figure} (at least ${atLeastPerCore})`))
  return ok
}

async function wholePath(db: Connection<Any>['db']): Promise<Figures> {
  const before = await deliveredIn(db)
  return measured(async () => {
    const some = Array.from({ length: atOnce }, () => event)
    for (let n = 0; n < perRound; n += atOnce) await db.transaction().execute((tx: Any) => recordEvents(tx, some))
    while ((await deliveredIn(db)) < before + perRound) await pause(20)
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
