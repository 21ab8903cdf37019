import { deferred } from '../../src/deferred.ts'
import type { Clock } from '../../src/index.ts'
import { setOf, type two } from './estate.ts'

export type Trouble = 'hangs' | 'refuses' | 'unavailable'

/** How an instance treats requests, all of them or those of one path, and what becomes of the feeds it has open. */
export type Mood = 'works' | Trouble | `${Trouble} at /trust/${'feed' | 'lease'}`

interface Reply {
  readonly status: number
  readonly type: string
  readonly text: string
}

/**
 * Instances of one issuer whose time is the test's: `fetch` for a verifier that knows them as `http://localhost:1`,
 * `http://localhost:2` and so on. What a hung one took stays unanswered until the caller gives it up.
 */
export class SimulatedInstances {
  readonly moods: Mood[]
  readonly asked: { at: number; path: string; instance: number }[] = []
  /** How long a lease's answer takes, in milliseconds. */
  answerMs = 0
  /** Whether a working instance's lease says that the caller is behind. */
  readonly behind: boolean[]
  readonly #clock: Clock
  readonly #key: typeof two

  constructor(clock: Clock, key: typeof two, moods: readonly Mood[]) {
    this.#clock = clock
    this.#key = key
    this.moods = [...moods]
    this.behind = moods.map(() => false)
  }

  get urls(): string[] {
    return this.moods.map((_, index) => `http://localhost:${index + 1}`)
  }

  readonly fetch = (async (input: string, init: RequestInit & { signal: AbortSignal }) => {
    const url = new URL(input)
    const index = Number(url.port) - 1
    this.asked.push({ at: this.#clock.monotonicMs(), path: url.pathname, instance: index })
    const mood = this.#moodAt(index, url.pathname)
    if (mood === 'refuses') throw new TypeError('fetch failed')
    if (mood === 'hangs') return await aborted(init.signal)
    if (mood === 'unavailable') return response({ status: 503, type: 'application/json', text: '{}' })
    if (url.pathname === '/trust/feed') return feed(this.#events(index, init.signal))
    if (this.answerMs > 0) await this.#pause(this.answerMs, init.signal)
    const lease = { epoch: 1, n: 1, leaseSeconds: this.behind[index] ? 0 : 15 }
    return response({ status: 200, type: 'application/json', text: JSON.stringify(lease) })
  }) as unknown as typeof fetch

  /** The whole set, then a comment each second, as long as the instance works. */
  async *#events(index: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const set = { epoch: 1, n: 1, full: true, jwks: setOf(this.#key) }
    yield Buffer.from(`event: trust\nid: 1.1\ndata: ${JSON.stringify(set)}\n\n`)
    for (;;) {
      await this.#pause(1000, signal)
      const mood = this.#moodAt(index, '/trust/feed')
      if (mood === 'hangs') await aborted(signal)
      if (mood !== 'works') return
      yield Buffer.from(': alive\n\n')
    }
  }

  #moodAt(index: number, path: string): 'works' | Trouble {
    const [mood, only = path] = (this.moods[index] ?? 'works').split(' at ')
    return only === path ? (mood as Trouble) : 'works'
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = deferred<void>()
    const cancel = this.#clock.after(ms, resolve)
    const abort = () => {
      cancel()
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort)
    return promise.finally(() => signal.removeEventListener('abort', abort))
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason))
  })
}

function response({ status, type, text }: Reply) {
  return {
    status,
    ok: status < 300,
    headers: new Headers({ 'content-type': type }),
    body: null,
    text: async () => text,
  }
}

function feed(body: AsyncIterable<Uint8Array>) {
  return { status: 200, ok: true, headers: new Headers({ 'content-type': 'text/event-stream' }), body }
}
