/**
 * `npm run bench:credentials`: whether rotating a credential and issuing a token take as long among a million credentials as among a
 * thousand. Two databases of those sizes with an IdP each, in one run, rounds interleaved. Exits with 1 when a bar is missed.
 *
 * `-- --sizes=1000,1000000 --rounds=5` are the defaults.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { basic, registerClients } from '../estate/clients.ts'
import { readCounts } from '../estate/counts.ts'
import { startHome } from '../estate/home.ts'
import { type Idp, startIdp } from '../estate/idp.ts'
import { tokenFor } from '../estate/management.ts'
import { median, percentile } from '../estate/percentile.ts'
import { layOut } from '../estate/table.ts'
import { Undo } from '../estate/undo.ts'
import { verdictLine } from '../estate/verdict.ts'
import { agentOf, populate } from './populate.ts'

const ROTATIONS = 150
const TOKENS = 6_000
/** So many clients ask for tokens, drawn from all over the database. */
const ASKING = 500
const CONCURRENT = 16
const MOST_SLOWER = 1.25
const LEAST_TOKENS = 0.9

const undo = new Undo()
undo.whenInterrupted()
const usage = 'bench:credentials -- [--sizes=1000,1000000] [--rounds=5]'
const asked = readCounts({ sizes: '1000,1000000', rounds: '5' }, usage)
try {
  process.exitCode = asked && (await main(asked.sizes, asked.rounds[0])) ? 0 : 1
} finally {
  await undo.all()
}

interface Contestant {
  readonly size: number
  readonly idp: Idp
  readonly bearer: string
  /** The next agent whose credential is rotated; each is rotated once. */
  next: number
  readonly rotationMs: number[]
  readonly tokensPerSecond: number[]
}

async function main(sizes: readonly number[], rounds: number): Promise<boolean> {
  const contestants: Contestant[] = []
  for (const size of sizes) contestants.push(await contestantOf(size))
  for (const contestant of contestants) await issue(contestant)
  // The pages that were written by the hundred thousand go to disk before anything is measured.
  await wait(5_000)
  for (let round = 1; round <= rounds; round += 1) {
    for (const contestant of contestants) contestant.tokensPerSecond.push(await issue(contestant))
    for (const contestant of contestants) await rotate(contestant)
    console.error(`round ${round} of ${rounds}`)
  }
  return judge(contestants)
}

async function contestantOf(size: number): Promise<Contestant> {
  const home = await startHome(undo)
  const { admin } = await registerClients(home, 0)
  await populate(home.ownerUrl, size)
  const idp = await startIdp(undo, `idp among ${size}`, home, { REKEY_ADMINISTRATION_LIMIT: '1000000/1s' })
  const { access_token: bearer } = await tokenFor(idp.url, admin, 'agents:write')
  return { size, idp, bearer, next: size, rotationMs: [], tokensPerSecond: [] }
}

/** @returns tokens a second */
async function issue({ size, idp }: Contestant): Promise<number> {
  const step = Math.max(1, Math.floor(size / 2 / ASKING))
  const clients = Array.from({ length: Math.min(ASKING, size) }, (_, i) => agentOf(1 + i * step))
  let asked = 0
  const began = performance.now()
  const askOn = async () => {
    while (asked < TOKENS) {
      asked += 1
      await tokenFor(idp.url, clients[asked % clients.length] ?? agentOf(1))
    }
  }
  await Promise.all(Array.from({ length: CONCURRENT }, askOn))
  return (TOKENS / (performance.now() - began)) * 1_000
}

/** One after the other, as an operator's script does it: each answer says that every instance refuses the old secret. */
async function rotate(contestant: Contestant): Promise<void> {
  const { idp, bearer, size, rotationMs } = contestant
  for (let i = 0; i < ROTATIONS && contestant.next > size / 2; i += 1) {
    const { clientId, clientSecret, credentialId } = agentOf(contestant.next)
    contestant.next -= 1
    const began = performance.now()
    const reply = await fetch(`${idp.url}/api/v1/agents/${clientId}/credentials/${credentialId}/rotate`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      body: '{}',
    })
    const body = (await reply.json()) as { clientSecret?: string }
    rotationMs.push(performance.now() - began)
    if (reply.status !== 200 || !body.clientSecret) throw new Error(`not rotated: ${reply.status}`)
    await refuses(idp, { clientId, clientSecret })
  }
}

async function refuses(idp: Idp, old: { clientId: string; clientSecret: string }): Promise<void> {
  const body = new URLSearchParams({ grant_type: 'client_credentials' })
  const reply = await fetch(`${idp.url}/api/v1/token`, { method: 'POST', headers: { authorization: basic(old) }, body })
  await reply.body?.cancel()
  if (reply.status !== 401 && reply.status !== 429) throw new Error(`an old secret was answered ${reply.status}`)
}

function judge(contestants: readonly Contestant[]): boolean {
  const rows = contestants.map(({ size, rotationMs, tokensPerSecond }) => [
    size.toLocaleString('en'),
    median(rotationMs).toFixed(2),
    percentile(rotationMs, 99).toFixed(2),
    median(tokensPerSecond).toFixed(0),
  ])
  console.log(layOut([['credentials', 'rotation p50 ms', 'p99 ms', 'tokens/s'], ...rows], 1))
  const [small] = contestants
  if (!small) return false
  return contestants.slice(1).every((large) => {
    const slower = median(large.rotationMs) / median(small.rotationMs)
    const tokens = median(large.tokensPerSecond.map((perSecond, i) => perSecond / (small.tokensPerSecond[i] ?? 0)))
    const [isQuick, isFlat] = [slower <= MOST_SLOWER, tokens >= LEAST_TOKENS]
    const size = large.size.toLocaleString('en')
    const goals = [
      verdictLine(isQuick, `rotation among ${size}: ${slower.toFixed(2)} × as long (at most ${MOST_SLOWER})`),
      verdictLine(isFlat, `tokens among ${size}: ${tokens.toFixed(2)} × as many (at least ${LEAST_TOKENS})`),
    ]
    console.log(goals.join('\n'))
    return isQuick && isFlat
  })
}
