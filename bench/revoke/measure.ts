import { type Clients, registerClients } from '../estate/clients.ts'
import { type Home, startHome } from '../estate/home.ts'
import { type Idp, startIdp } from '../estate/idp.ts'
import { Keyrings } from '../estate/keyrings.ts'
import { Management } from '../estate/management.ts'
import { percentile } from '../estate/percentile.ts'
import type { Undo } from '../estate/undo.ts'
import { Broadcast } from './broadcast.ts'
import { Crowds } from './crowds.ts'
import { COMMIT_TIMES, Ledger } from './ledger.ts'
import { comeBack, type Recovery } from './recovery.ts'
import { type Revocation, revokeOnce, type Scene, type Which } from './revocation.ts'
import { watchTroubles } from './troubles.ts'

/** How much is measured. */
export interface Extent {
  readonly sizes: readonly number[]
  /** Revocations of each kind at each size. */
  readonly rounds: number
  /** Over which the verifiers are spread. */
  readonly processes: number
}

/** What was measured at one number of verifiers. */
export interface Result {
  readonly connections: number
  /** For each round, what every connection of the ceiling waited. Milliseconds. */
  readonly bare: readonly (readonly number[])[]
  readonly revocations: Readonly<Record<Which, readonly Revocation[]>>
  /** What went wrong meanwhile, in a line. */
  readonly troubles: string
  readonly recovery: Recovery
}

interface Estate {
  readonly idp: Idp
  readonly home: Home
  readonly clients: Clients
  readonly ledger: Ledger
  readonly management: Management
}

/** Measures every size, one after the other, on one estate. */
export async function measure(undo: Undo, { sizes, rounds, processes }: Extent): Promise<Result[]> {
  console.error('starting PostgreSQL and the IdP')
  const estate = await startEstate(undo, processes)
  const results: Result[] = []
  for (const connections of sizes) results.push(await measureSize(undo, estate, connections, rounds))
  return results
}

async function startEstate(undo: Undo, processes: number): Promise<Estate> {
  const home = await startHome(undo, [COMMIT_TIMES])
  const clients = await registerClients(home, processes)
  const idp = await startIdp(undo, 'IdP', home)
  const ledger = new Ledger(await Keyrings.open(undo, home))
  return { idp, home, clients, ledger, management: new Management(clients.admin) }
}

async function measureSize(undo: Undo, estate: Estate, connections: number, rounds: number): Promise<Result> {
  const { idp, clients } = estate
  const bare = await measureBare(undo, estate, connections, rounds)
  console.error(`${connections} verifiers: opening`)
  const crowds = await Crowds.open(undo, idp.url, clients.verifiers, connections)
  const scene: Scene = { ...estate, agent: clients.agent, crowds, count: connections }
  const troubles = await watchTroubles(crowds, idp)
  const revocations = { active: [] as Revocation[], retiring: [] as Revocation[] }
  for (let round = 0; round < rounds; round += 1) {
    for (const which of ['active', 'retiring'] as const) {
      const revocation = await revokeOnce(scene, which, round / rounds)
      revocations[which].push(revocation)
      tell(connections, `${which} key, ${round + 1} of ${rounds}`, revocation.refusedMs)
    }
  }
  const wentWrong = await troubles()
  console.error(`${connections} verifiers: the IdP is killed and started again`)
  const recovery = await comeBack(idp, crowds, connections)
  await crowds.close()
  return { connections, bare, revocations, troubles: wentWrong, recovery }
}

/** As many connections, and an event as long as the real one. */
async function measureBare(undo: Undo, { idp, clients }: Estate, connections: number, rounds: number) {
  const length = (await (await fetch(`${idp.url}/.well-known/jwks.json`)).text()).length
  const broadcast = await Broadcast.open(undo, clients.verifiers.length, connections)
  const bare: number[][] = []
  for (let round = 0; round < rounds; round += 1) {
    const waited = await broadcast.once(length)
    bare.push(waited)
    tell(connections, `bare broadcast, ${round + 1} of ${rounds}`, waited)
  }
  await broadcast.close()
  return bare
}

function tell(connections: number, what: string, ms: readonly number[]): void {
  const [p50, p99, max] = [50, 99, 100].map((percent) => percentile(ms, percent).toFixed(1))
  console.error(`${connections}  ${what}  p50 ${p50} ms  p99 ${p99} ms  max ${max} ms`)
}
