/**
 * `npm run bench:token`: how many tokens a second one core issues, by Rekey's IdP with everything on, beside a bare server
 * that does only the work (the ceiling) and beside oidc-provider, in one run. Rounds are interleaved, since only ratios
 * of figures taken at the same time mean anything. Exits with 1 when a bar is missed or a reply was no token.
 */
import { type Contestant, startScript } from './contestant.ts'
import { moveToLoadCore, pinned } from './cores.ts'
import { checkToken, load, type Round } from './load.ts'
import { startRekey } from './rekey.ts'
import { type Bar, compare, score, table } from './report.ts'

const ROUNDS = 9
/** Optimising compilers need some 100,000 requests to be done; before that everybody is measured half asleep. */
const WARM_UP_SECONDS = 8
const ROUND_SECONDS = 3
const CEILING = 'bare node:http'
const PEER = 'oidc-provider, in memory'
const OURS = 'Rekey, on PostgreSQL'
const BARS: readonly Bar[] = [
  { faster: OURS, than: CEILING, atLeast: 0.8 },
  { faster: OURS, than: PEER, atLeast: 2.5 },
]

const running: Contestant[] = []
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void stopAll().then(() => process.exit(1)))
process.exitCode = (await main()) ? 0 : 1

async function main(): Promise<boolean> {
  moveToLoadCore()
  if (!pinned) console.error('taskset or a second core is missing: servers and load share what there is')
  try {
    running.push(await startScript(CEILING, './bare.ts'))
    running.push(await startScript(PEER, './provider.ts'))
    running.push(await startRekey(OURS))
    return judge(await measure([...running]))
  } finally {
    await stopAll()
  }
}

async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map((contestant) => contestant.stop()))
}

async function measure(contestants: readonly Contestant[]): Promise<Map<string, Round[]>> {
  const rounds = new Map(contestants.map(({ name }) => [name, [] as Round[]]))
  for (const contestant of contestants) {
    await checkToken(contestant)
    await load(contestant, WARM_UP_SECONDS)
  }
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const contestant of contestants) {
      const result = await load(contestant, ROUND_SECONDS)
      rounds.get(contestant.name)?.push(result)
      console.error(`round ${round}  ${contestant.name}  ${Math.round(result.requestsPerSecond)} req/s`)
    }
  }
  return rounds
}

function judge(rounds: ReadonlyMap<string, readonly Round[]>): boolean {
  const scores = [...rounds].map(([name, results]) => score(name, results))
  const ceiling = scores.find(({ name }) => name === CEILING)
  if (ceiling === undefined) throw new Error('the ceiling was not measured')
  console.log(`${table(scores, ceiling)}\n`)
  const verdicts = BARS.map(({ faster, than, atLeast }) => {
    const reached = compare(rounds.get(faster) ?? [], rounds.get(than) ?? [])
    const ok = reached.median >= atLeast
    const span = `rounds from ${reached.lowest.toFixed(2)} to ${reached.highest.toFixed(2)}`
    console.log(`${ok ? 'ok    ' : 'MISSED'}  ${reached.median.toFixed(2)} × ${than} (at least ${atLeast}; ${span})`)
    return ok
  })
  return verdicts.every(Boolean)
}
