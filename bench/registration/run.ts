/**
 * `npm run bench:registration`: how many clients a second one core registers, and how many change their keys, by Rekey's IdP on
 * PostgreSQL, beside oidc-provider in memory, rounds interleaved; then what it costs the IdP that 10,000 clients rotate their keys
 * within an hour, replayed at that pace. PostgreSQL shares the core of the load: where that one is full, the IdP's is not, and "a
 * core" is what a second of the server's processor time did. Exits with 1 when a bar is missed or a reply was not as wanted.
 *
 * `-- --rounds=5 --clients=10000 --seconds=60` are the defaults.
 */
import { randomBytes } from 'node:crypto'
import { registerClients } from '../estate/clients.ts'
import { readCounts } from '../estate/counts.ts'
import { startHome } from '../estate/home.ts'
import { Management } from '../estate/management.ts'
import { median } from '../estate/percentile.ts'
import { processorMs } from '../estate/processor.ts'
import { layOut } from '../estate/table.ts'
import { Undo } from '../estate/undo.ts'
import { verdictLine } from '../estate/verdict.ts'
import { startServer } from '../token/contestant.ts'
import { moveToLoadCore, pinned } from '../token/cores.ts'
import { type Request, type Round, repeat } from '../token/load.ts'
import { score } from '../token/report.ts'
import { changeRequest, type Registered, type Registrar, register, registrationRequest } from './clients.ts'
import { startPinnedIdp } from './idp.ts'
import { replay } from './replay.ts'

const WARM_UP_SECONDS = 5
const ROUND_SECONDS = 3
/** So many requests are prepared for each second of a load. */
const MOST_A_SECOND = 4_000
/** Clients that change their keys in turn; the peer remembers a thousand things. */
const CHANGING = 300
const CONCURRENT = 16
const HOUR_SECONDS = 3_600
const LEAST_A_SECOND = 300
const MOST_OF_A_CORE = 0.05

/** `perCore` is what a second of the server's processor time did. */
interface Measured extends Round {
  readonly perCore: number
}

interface Contestant {
  readonly registrar: Registrar
  readonly registrations: Measured[]
  readonly changes: Measured[]
}

const undo = new Undo()
undo.whenInterrupted()
const usage = 'bench:registration -- [--rounds=5] [--clients=10000] [--seconds=60]'
const asked = readCounts({ rounds: '5', clients: '10000', seconds: '60' }, usage)
try {
  process.exitCode = asked && (await main(asked.rounds[0], asked.clients[0], asked.seconds[0])) ? 0 : 1
} finally {
  await undo.all()
}

async function main(rounds: number, clients: number, seconds: number): Promise<boolean> {
  moveToLoadCore()
  if (!pinned) console.error('taskset or a second core is missing: servers and load share what there is')
  const peer = contestant(await startPeer())
  const { idp, registrar } = await startOurs()
  const ours = contestant(registrar)
  for (const { registrar: each } of [peer, ours]) {
    await measureRegistrations(each, WARM_UP_SECONDS)
    await measureChanges(each, WARM_UP_SECONDS)
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const each of [peer, ours]) {
      each.registrations.push(await measureRegistrations(each.registrar, ROUND_SECONDS))
      each.changes.push(await measureChanges(each.registrar, ROUND_SECONDS))
    }
    console.error(`round ${round} of ${rounds}`)
  }
  const isQuick = judgeSpeed(peer, ours)
  const many = await registerMany(registrar, clients)
  const { rotations, share, idle } = await replay(idp, many, clients / HOUR_SECONDS, seconds)
  const isCheap = share - idle < MOST_OF_A_CORE
  const [cost, alone] = [share - idle, idle].map((part) => `${(part * 100).toFixed(1)} %`)
  const what = `${clients} clients rotate in an hour (${rotations} replayed)`
  console.log(verdictLine(isCheap, `${what}: ${cost} of a core (below 5 %) beside ${alone} when nobody asks`))
  return isQuick && isCheap
}

function contestant(registrar: Registrar): Contestant {
  return { registrar, registrations: [], changes: [] }
}

async function startPeer(): Promise<Registrar> {
  const initialAccessToken = randomBytes(32).toString('base64url')
  const name = 'oidc-provider, in memory'
  const server = await startServer(name, new URL('./provider.ts', import.meta.url), [initialAccessToken])
  undo.add(server.stop)
  return { name, url: server.url, pid: server.pid, initialAccessToken, changes: 'PUT' }
}

async function startOurs() {
  const home = await startHome(undo)
  const { admin } = await registerClients(home, 0)
  const idp = await startPinnedIdp(undo, home)
  const wanted = { label: 'bench', expires_in: 86_400, max_usages: 1_000_000 }
  const reply = await new Management(admin).call('POST', `${idp.url}/api/admin/dcr/initial-access-tokens`, wanted)
  const { token: initialAccessToken } = reply as { token: string }
  const url = `${idp.url}/api/oidc/register`
  const name = 'Rekey, on PostgreSQL'
  const registrar: Registrar = { name, url, pid: idp.pid, initialAccessToken, changes: 'PATCH' }
  return { idp, registrar }
}

function measureRegistrations(registrar: Registrar, seconds: number): Promise<Measured> {
  const request = registrationRequest(registrar, MOST_A_SECOND * seconds)
  return measure(registrar, request, '"registration_access_token":"', seconds)
}

async function measureChanges(registrar: Registrar, seconds: number): Promise<Measured> {
  const clients = await registerMany(registrar, CHANGING)
  return measure(registrar, changeRequest(registrar, clients, MOST_A_SECOND * seconds), '"jwks":{', seconds)
}

async function measure(registrar: Registrar, request: Request, words: string, seconds: number): Promise<Measured> {
  const usedBefore = await processorMs(registrar.pid)
  const round = await repeat(registrar, request, words, seconds)
  const usedMs = (await processorMs(registrar.pid)) - usedBefore
  return { ...round, perCore: (round.requestsPerSecond * seconds * 1_000) / usedMs }
}

async function registerMany(registrar: Registrar, count: number): Promise<Registered[]> {
  const clients: Registered[] = []
  const goOn = async () => {
    for (let left = Math.ceil(count / CONCURRENT); left > 0; left -= 1) clients.push(await register(registrar))
  }
  await Promise.all(Array.from({ length: CONCURRENT }, goOn))
  return clients
}

function judgeSpeed(peer: Contestant, ours: Contestant): boolean {
  const rows = [peer, ours].map(({ registrar, registrations, changes }) => {
    const figures = [registrations, changes].flatMap((rounds) => {
      const { requestsPerSecond, p99Ms } = score('', rounds)
      return [requestsPerSecond, perCoreOf(rounds), p99Ms].map((figure) => figure.toFixed(0))
    })
    return [`${registrar.name} (${registrar.changes})`, ...figures]
  })
  const header = ['registration', 'made/s', 'a core', 'p99 ms', 'changed/s', 'a core', 'p99 ms']
  console.log(layOut([header, ...rows], 1))
  const goals: [string, Measured[]][] = [
    ['registrations', ours.registrations],
    ['changes of keys', ours.changes],
  ]
  return goals
    .map(([what, rounds]) => {
      const perCore = perCoreOf(rounds)
      const isMet = perCore >= LEAST_A_SECOND
      const goal = `${perCore.toFixed(0)} ${what} in a second of the IdP's processor time (at least ${LEAST_A_SECOND})`
      console.log(verdictLine(isMet, goal))
      return isMet
    })
    .every(Boolean)
}

function perCoreOf(rounds: readonly Measured[]): number {
  return median(rounds.map(({ perCore }) => perCore))
}
