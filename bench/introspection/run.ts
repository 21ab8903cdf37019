/**
 * `npm run bench:introspection`: how many access tokens a second one core introspects (RFC 7662), by Rekey's IdP with everything on,
 * beside a bare server that does only the work, the signature each time. One token is asked about again and again, as an API does it:
 * Rekey verifies its signature once. Rounds are interleaved. Exits with 1 when a bar is missed or a reply was not
 * `active`.
 */
import { layOut } from '../estate/table.ts'
import { Undo } from '../estate/undo.ts'
import { verdictLine } from '../estate/verdict.ts'
import { basicAuthorization, CLIENT_ID, CLIENT_SECRET } from '../token/client.ts'
import { startServer } from '../token/contestant.ts'
import { moveToLoadCore, pinned } from '../token/cores.ts'
import { type Request, type Round, repeat } from '../token/load.ts'
import { startRekey } from '../token/rekey.ts'
import { compare, score } from '../token/report.ts'

const ROUNDS = 7
const WARM_UP_SECONDS = 6
const ROUND_SECONDS = 3
const LEAST_A_SECOND = 5_000
const active = '"active":true'

const undo = new Undo()
undo.whenInterrupted()
try {
  process.exitCode = (await main()) ? 0 : 1
} finally {
  await undo.all()
}

async function main(): Promise<boolean> {
  moveToLoadCore()
  if (!pinned) console.error('taskset or a second core is missing: servers and load share what there is')
  const bare = await startServer('bare node:http', new URL('./bare.ts', import.meta.url))
  undo.add(bare.stop)
  const rekey = await startRekey('Rekey, on PostgreSQL')
  undo.add(rekey.stop)
  const sample = (await (await fetch(bare.url)).json()) as { access_token: string }
  const issued = await ask(rekey.url, 'grant_type=client_credentials')
  const ceiling = { name: 'bare node:http', url: bare.url, request: about(sample.access_token), rounds: [] as Round[] }
  const ours = { name: rekey.name, url: `${rekey.url}/introspect`, request: about(issued), rounds: [] as Round[] }
  for (const { name, url, request } of [ceiling, ours]) await repeat({ name, url }, request, active, WARM_UP_SECONDS)
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const { name, url, request, rounds } of [ceiling, ours]) {
      rounds.push(await repeat({ name, url }, request, active, ROUND_SECONDS))
    }
  }
  return judge(ceiling, ours)
}

function judge(...[ceiling, ours]: [Measured, Measured]): boolean {
  const scores = [ceiling, ours].map(({ name, rounds }) => score(name, rounds))
  const rows = scores.map(({ name, requestsPerSecond, p99Ms }) => [
    name,
    requestsPerSecond.toFixed(0),
    p99Ms.toFixed(0),
  ])
  console.log(layOut([['introspection', 'req/s', 'p99 ms'], ...rows], 1))
  const ratio = compare(ours.rounds, ceiling.rounds)
  console.log(
    `\n${ratio.median.toFixed(2)} × ${ceiling.name} (${ratio.lowest.toFixed(2)} to ${ratio.highest.toFixed(2)})`,
  )
  const reached = scores[1]?.requestsPerSecond ?? 0
  const ok = reached >= LEAST_A_SECOND
  console.log(verdictLine(ok, `${reached.toFixed(0)} a second on one core (at least ${LEAST_A_SECOND})`))
  return ok
}

interface Measured {
  name: string
  rounds: Round[]
}

function about(token: string): Request {
  return { ...form(), body: new URLSearchParams({ token }).toString() }
}

function form() {
  return {
    method: 'POST' as const,
    headers: {
      authorization: basicAuthorization(CLIENT_ID, CLIENT_SECRET),
      'content-type': 'application/x-www-form-urlencoded',
    },
  }
}

async function ask(url: string, body: string): Promise<string> {
  const reply = await fetch(url, { ...form(), body })
  if (reply.status !== 200) throw new Error(`no token: ${reply.status} ${await reply.text()}`)
  return ((await reply.json()) as { access_token: string }).access_token
}
