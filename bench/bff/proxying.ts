/** A small GET by session through the backend for frontend, beside the same GET through a proxy that checks nothing. */
import { layOut } from '../estate/table.ts'
import type { Undo } from '../estate/undo.ts'
import { verdictLine } from '../estate/verdict.ts'
import { startServer } from '../token/contestant.ts'
import { type Round, repeat } from '../token/load.ts'
import { compare, score } from '../token/report.ts'
import type { Estate } from './estate.ts'
import { logIn, userAgent } from './user.ts'

const WARM_UP_SECONDS = 6
const ROUND_SECONDS = 3
const AT_LEAST = 0.5
const words = '"message":"hello"'

interface Contestant {
  readonly name: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly rounds: Round[]
}

export async function measureProxying(undo: Undo, { bffs, upstream }: Estate, rounds: number): Promise<boolean> {
  const server = await startServer('@fastify/http-proxy', new URL('./peer.ts', import.meta.url), [upstream])
  undo.add(server.stop)
  const { cookie } = await logIn(bffs[0])
  // The peer gets the same request: it passes on what it gets.
  const headers = { cookie, 'user-agent': userAgent }
  const peer: Contestant = { name: '@fastify/http-proxy', url: `${server.url}/api/hello`, headers, rounds: [] }
  const ours: Contestant = { name: 'Rekey, session-checked', url: `${bffs[0]}/api/hello`, headers, rounds: [] }
  for (const contestant of [peer, ours]) await load(contestant, WARM_UP_SECONDS)
  for (let round = 1; round <= rounds; round += 1) {
    for (const contestant of [peer, ours]) {
      const result = await load(contestant, ROUND_SECONDS)
      contestant.rounds.push(result)
      console.error(`round ${round}  ${contestant.name}  ${Math.round(result.requestsPerSecond)} req/s`)
    }
  }
  return judge(peer, ours)
}

function load({ name, url, headers }: Contestant, seconds: number): Promise<Round> {
  return repeat({ name, url }, { method: 'GET', headers }, words, seconds)
}

function judge(peer: Contestant, ours: Contestant): boolean {
  const rows = [peer, ours].map(({ name, rounds }) => {
    const { requestsPerSecond, p99Ms } = score(name, rounds)
    return [name, requestsPerSecond.toFixed(0), p99Ms.toFixed(0)]
  })
  console.log(layOut([['proxying a small GET', 'req/s', 'p99 ms'], ...rows], 1))
  const { median, lowest, highest } = compare(ours.rounds, peer.rounds)
  console.log(`\n${median.toFixed(2)} × ${peer.name} (${lowest.toFixed(2)} to ${highest.toFixed(2)})`)
  const ok = median >= AT_LEAST
  console.log(verdictLine(ok, `session-checked proxying at least ${AT_LEAST} × the same proxy without a session`))
  return ok
}
