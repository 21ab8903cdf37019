/**
 * `npm run bench:assertions`: how many tokens a second one core issues to clients that authenticate by private_key_jwt, each
 * assertion used once: by Rekey's IdP, which remembers what was used in PostgreSQL for all its instances, beside oidc-provider,
 * which remembers it in memory. Assertions are signed before each round; rounds are interleaved. Exits with 1 when the bar is
 * missed or a reply was no token.
 *
 * `-- --rounds=7` is the default.
 */
import { registerClients } from '../estate/clients.ts'
import { readCounts } from '../estate/counts.ts'
import { startHome } from '../estate/home.ts'
import { Management } from '../estate/management.ts'
import { layOut } from '../estate/table.ts'
import { Undo } from '../estate/undo.ts'
import { verdictLine } from '../estate/verdict.ts'
import { startPinnedIdp } from '../registration/idp.ts'
import { CLIENT_ID, SCOPE } from '../token/client.ts'
import { startServer } from '../token/contestant.ts'
import { moveToLoadCore, pinned } from '../token/cores.ts'
import { type Round, repeat } from '../token/load.ts'
import { compare, score } from '../token/report.ts'
import { type KeyedClient, keyedClient, newKey, requestOf, tokenForm } from './client.ts'

const WARM_UP_SECONDS = 6
const ROUND_SECONDS = 3
/** So many assertions are signed for each second of a load. */
const MOST_A_SECOND = 10_000
const AT_LEAST = 2

interface Contestant {
  readonly name: string
  readonly url: string
  readonly issuer: string
  readonly client: KeyedClient
  readonly rounds: Round[]
}

const undo = new Undo()
undo.whenInterrupted()
const asked = readCounts({ rounds: '7' }, 'bench:assertions -- [--rounds=7]')
try {
  process.exitCode = asked && (await main(asked.rounds[0])) ? 0 : 1
} finally {
  await undo.all()
}

async function main(rounds: number): Promise<boolean> {
  moveToLoadCore()
  if (!pinned) console.error('taskset or a second core is missing: servers and load share what there is')
  const [peer, ours] = [await startPeer(), await startOurs()]
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

async function startPeer(): Promise<Contestant> {
  const { publicJwk, privateJwk } = newKey('bench-key')
  const name = 'oidc-provider, in memory'
  const server = await startServer(name, new URL('./provider.ts', import.meta.url), [JSON.stringify(publicJwk)])
  undo.add(server.stop)
  const { url } = server
  return { name, url, issuer: new URL(url).origin, client: keyedClient(CLIENT_ID, privateJwk), rounds: [] }
}

async function startOurs(): Promise<Contestant> {
  const home = await startHome(undo)
  const { admin, agent } = await registerClients(home, 0)
  const { url } = await startPinnedIdp(undo, home)
  const { publicJwk, privateJwk } = newKey('bench-key')
  const credentials = `${url}/api/v1/agents/${agent.clientId}/credentials`
  await new Management(admin).call('POST', credentials, { jwk: publicJwk })
  const client = keyedClient(agent.clientId, privateJwk)
  return { name: 'Rekey, on PostgreSQL', url: `${url}/api/v1/token`, issuer: url, client, rounds: [] }
}

function load({ name, url, issuer, client }: Contestant, seconds: number): Promise<Round> {
  const forms = Array.from({ length: MOST_A_SECOND * seconds }, () => tokenForm(client, issuer, { scope: SCOPE }))
  return repeat({ name, url }, requestOf(forms), '"access_token":"ey', seconds)
}

function judge(peer: Contestant, ours: Contestant): boolean {
  const rows = [peer, ours].map(({ name, rounds }) => {
    const { requestsPerSecond, p99Ms } = score(name, rounds)
    return [name, requestsPerSecond.toFixed(0), p99Ms.toFixed(0)]
  })
  console.log(layOut([['private_key_jwt', 'tokens/s', 'p99 ms'], ...rows], 1))
  const { median, lowest, highest } = compare(ours.rounds, peer.rounds)
  const isMet = median >= AT_LEAST
  const span = `rounds from ${lowest.toFixed(2)} to ${highest.toFixed(2)}`
  console.log(verdictLine(isMet, `${median.toFixed(2)} × ${peer.name} (at least ${AT_LEAST}; ${span})`))
  return isMet
}
