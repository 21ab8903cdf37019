/** Rotations of the keyrings that cookies and forms hang on, under requests at a fixed rate: nothing may fail, and nobody may wait. */
import { setTimeout as wait } from 'node:timers/promises'
import { median, percentile } from '../estate/percentile.ts'
import { layOut } from '../estate/table.ts'
import { verdictLine } from '../estate/verdict.ts'
import { Connections, type Reply } from '../rotate/http.ts'
import type { Estate } from './estate.ts'
import { logIn, type User, userAgent } from './user.ts'

const USERS = 50
const TICK_MS = 5
const WARM_UP_MS = 5_000
const WINDOW_MS = 8_000
const POLL_MS = 100
/** From the beginning of one to that of the next. By default it is 90 days. */
const ROTATE_EVERY_MS = 1_000
/** Every other window without a rotation tells what is noise: its p99 against each other's. */
const MOST_SLOWER = 1.5
/** One request in so many sends a form. */
const POST_EVERY = 4
const KEYRINGS = ['session', 'csrf'] as const

interface Window {
  readonly ms: number[]
  rotations: number
}

export async function measureRotation(estate: Estate, rounds: number, rate: number): Promise<boolean> {
  const users: User[] = []
  while (users.length < USERS) users.push(await logIn(estate.bffs[0]))
  const load = new Load(estate, users)
  const over = new AbortController()
  const loading = load.run(rate, over.signal)
  const calm: Window[] = []
  const rotating: Window[] = []
  try {
    await wait(WARM_UP_MS)
    for (let round = 1; round <= rounds; round += 1) {
      calm.push(await load.during(() => wait(WINDOW_MS).then(() => 0)))
      rotating.push(await load.during(() => rotateFor(estate, WINDOW_MS)))
      console.error(`round ${round}  p99 ${p99(calm.at(-1))} ms, ${p99(rotating.at(-1))} ms with rotations`)
    }
  } finally {
    over.abort()
    await loading
  }
  return judge(load, calm, rotating, rate)
}

function judge(load: Load, calm: readonly Window[], rotating: readonly Window[], rate: number): boolean {
  const rows = [calm, rotating].map((windows, n) => {
    const ms = windows.flatMap((window) => window.ms)
    const rotations = windows.reduce((sum, window) => sum + window.rotations, 0)
    const name = n === 0 ? 'without rotations' : 'with rotations'
    return [name, `${ms.length}`, `${rotations}`, percentile(ms, 50).toFixed(1), percentile(ms, 99).toFixed(1)]
  })
  console.log(layOut([[`${rate} requests/s`, 'requests', 'rotations', 'p50 ms', 'p99 ms'], ...rows], 1))
  for (const [cause, count] of load.failures) console.log(`FAILED  ${count} × ${cause}`)
  const [quiet, busy] = [calm, rotating].map((windows) => windows.map((window) => percentile(window.ms, 99))) as [
    number[],
    number[],
  ]
  const limit = Math.max(median(quiet) * MOST_SLOWER, ...quiet)
  const slower = median(busy) <= limit
  console.log(verdictLine(load.failures.size === 0, 'no request failed'))
  console.log(
    verdictLine(
      slower,
      `p99 with rotations (median ${median(busy).toFixed(1)} ms) is within that of windows without (${quiet.map((ms) => ms.toFixed(1)).join(', ')} ms)`,
    ),
  )
  return slower && load.failures.size === 0
}

const p99 = (window: Window | undefined) => percentile(window?.ms ?? [], 99).toFixed(1)

/** One after the other, each carried through. @returns how many */
async function rotateFor({ bffs, adminToken }: Estate, ms: number): Promise<number> {
  const headers = { authorization: `Bearer ${adminToken}` }
  const ask = async (method: string, n: number, path: string) => {
    const reply = await fetch(`${bffs[n % bffs.length]}/internal/keyrings/${path}`, { method, headers })
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${await reply.text()}`)
    return (await reply.json()) as { rotation?: unknown; versions: { id: string; state: string; servedAt?: string }[] }
  }
  const end = performance.now() + ms
  let done = 0
  while (performance.now() < end) {
    const name = KEYRINGS[done % KEYRINGS.length] ?? ''
    const next = wait(ROTATE_EVERY_MS)
    await ask('POST', done, `${name}/rotate`)
    for (;;) {
      const { rotation, versions } = await ask('GET', done, name)
      // The next one needs a standby that every replica serves.
      if (rotation === undefined && versions.some(({ state, servedAt }) => state === 'prepared' && servedAt)) break
      await wait(POLL_MS)
    }
    done += 1
    await next
  }
  return done
}

/** Requests at a fixed rate, whatever happened to the earlier ones, by users in turn at replicas in turn. */
class Load {
  readonly failures = new Map<string, number>()
  readonly #connections = new Connections()
  readonly #users: readonly User[]
  readonly #urls: readonly URL[]
  readonly #running = new Set<Promise<void>>()
  #window: Window | undefined
  #turn = 0

  constructor({ bffs }: Estate, users: readonly User[]) {
    this.#users = users
    this.#urls = bffs.map((url) => new URL(`${url}/api/hello`))
  }

  async run(rate: number, stopped: AbortSignal): Promise<void> {
    const start = performance.now()
    for (let fired = 0; !stopped.aborted; await wait(TICK_MS)) {
      for (const due = ((performance.now() - start) * rate) / 1_000; fired < due; fired += 1) this.#fire()
    }
    await Promise.all(this.#running)
    this.#connections.close()
  }

  /** How long requests took that were sent meanwhile. @param act returns how many rotations it made */
  async during(act: () => Promise<number>): Promise<Window> {
    const window: Window = { ms: [], rotations: 0 }
    this.#window = window
    window.rotations = await act()
    this.#window = undefined
    return window
  }

  #fire(): void {
    this.#turn += 1
    const sent = this.#send(this.#turn, this.#window).catch((error) => this.#failed(String(error)))
    this.#running.add(sent)
    void sent.finally(() => this.#running.delete(sent))
  }

  async #send(turn: number, window: Window | undefined): Promise<void> {
    // By chance: by turns the same users would always ask the same replica.
    const user = this.#users[Math.floor(Math.random() * this.#users.length)] as User
    const url = this.#urls[turn % this.#urls.length] as URL
    const method = turn % POST_EVERY === 0 ? 'POST' : 'GET'
    const begun = performance.now()
    const reply = await this.#connections.send(method, url, {
      cookie: user.cookie,
      'user-agent': userAgent,
      ...(method === 'POST' ? { 'x-csrf-token': user.csrf } : {}),
    })
    window?.ms.push(performance.now() - begun)
    if (reply.status !== 200) this.#failed(`${method}: ${reply.status} ${reply.body.slice(0, 120)}`)
    keep(user, reply)
  }

  #failed(cause: string): void {
    this.failures.set(cause, (this.failures.get(cause) ?? 0) + 1)
  }
}

function keep(user: User, { cookies }: Reply): void {
  const [pair] = (cookies[0] ?? '').split(';', 1)
  if (pair) user.cookie = pair
}
