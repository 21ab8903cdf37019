/**
 * `npm run bench:refresh`: an API under 2,000 requests a second is forced to refresh its key set all the time, while its issuer
 * rotates: publish a key, refresh, sign by it, withdraw the one before, refresh. No request may fail. Exits with 1 when one
 * did, or when the rate was not reached.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import autocannon from 'autocannon'
import { startServer } from '../token/contestant.ts'
import { moveToLoadCore } from '../token/cores.ts'
import { Issuer } from './issuer.ts'

const RATE = 2_000
const SECONDS = 20
const CONNECTIONS = 32
/** A request that was sent before a key was withdrawn must have been answered by then: it would be refused rightly. */
const IN_FLIGHT_MS = 250

moveToLoadCore()
const issuer = new Issuer()
await issuer.start()
const secret = randomBytes(32).toString('base64url')
const api = await startServer('the API', new URL('./api.ts', import.meta.url), [issuer.url, secret])
const refreshMs: number[] = []
let token = issuer.token()

async function refresh(): Promise<void> {
  const begin = performance.now()
  const headers = { authorization: `Bearer ${secret}` }
  const reply = await fetch(`${api.url}/internal/auth/jwks/refresh`, { method: 'POST', headers })
  if (reply.status !== 200) throw new Error(`a refresh was answered with ${reply.status}`)
  await reply.arrayBuffer()
  refreshMs.push(performance.now() - begin)
}

async function rotate(): Promise<void> {
  issuer.addKey()
  await refresh()
  token = issuer.token()
  await delay(IN_FLIGHT_MS)
  issuer.dropOldKeys()
  await refresh()
}

async function rotateUntil(done: Promise<unknown>): Promise<number> {
  let over = false
  done.finally(() => {
    over = true
  })
  let rotations = 0
  for (; !over; rotations++) await rotate()
  return rotations
}

function at(sorted: readonly number[], share: number): string {
  return (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(1)
}

const load = Promise.resolve(
  autocannon({
    url: api.url,
    connections: CONNECTIONS,
    overallRate: RATE,
    duration: SECONDS,
    requests: [{ setupRequest: (request) => ({ ...request, headers: { authorization: `Bearer ${token}` } }) }],
  }),
)
const [result, rotations] = await Promise.all([load, rotateUntil(load)])
await api.stop()
issuer.stop()

const { non2xx, errors, timeouts, latency } = result
const failed = non2xx + errors + timeouts
const rate = result['2xx'] / result.duration
const sorted = refreshMs.toSorted((a, b) => a - b)
console.log(`${result['2xx'].toLocaleString('en')} requests, ${rate.toFixed(0)} a second, p99 ${latency.p99} ms`)
console.log(
  `${rotations} rotations, ${sorted.length} forced refreshes: p50 ${at(sorted, 0.5)} ms, p99 ${at(sorted, 0.99)} ms`,
)
console.log(`${failed} failed  ${failed === 0 && rate > 0.95 * RATE ? 'met' : 'MISSED'}`)
process.exitCode = failed === 0 && rate > 0.95 * RATE ? 0 : 1
