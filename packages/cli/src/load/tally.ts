import { Latency } from './latency.ts'

/** What `rekey load --json` prints. */
export interface Summary {
  requests: number
  failures: Record<string, number>
  p50Ms: number
  p99Ms: number
  /** Token requests that went to another instance of the IdP because one was not there or could not serve. */
  retries: number
  /** Refusals of tokens whose key was revoked: meant to happen, and no failures. */
  revokedRefusals: number
  /** The keys that signed tokens, in the order in which they appeared. */
  kids: string[]
}

/** Counts what happened, in all and since the last look. */
export class Tally {
  readonly #all = new Latency()
  readonly #lately = new Latency()
  readonly #failures = new Map<string, number>()
  readonly #kids = new Set<string>()
  #requests = 0
  #requestsBefore = 0
  #revokedRefusals = 0
  #retries = 0

  succeeded(latencyMs: number): void {
    this.#answered(latencyMs)
  }

  failed(cause: string, latencyMs: number): void {
    this.#failures.set(cause, (this.#failures.get(cause) ?? 0) + 1)
    this.#answered(latencyMs)
  }

  refusedAsRevoked(latencyMs: number): void {
    this.#revokedRefusals += 1
    this.#answered(latencyMs)
  }

  retried(): void {
    this.#retries += 1
  }

  signedBy(kid: string): void {
    this.#kids.add(kid)
  }

  get summary(): Summary {
    return {
      requests: this.#requests,
      failures: Object.fromEntries([...this.#failures].sort(([, a], [, b]) => b - a)),
      p50Ms: this.#all.percentileMs(50),
      p99Ms: this.#all.percentileMs(99),
      retries: this.#retries,
      revokedRefusals: this.#revokedRefusals,
      kids: [...this.#kids],
    }
  }

  get failures(): number {
    return [...this.#failures.values()].reduce((sum, count) => sum + count, 0)
  }

  /** A line about the time since the last call: "12 s  500/s  0 failed  p50 1.2 ms  p99 4.8 ms  signed by abc". */
  line(second: number, kid: string | undefined): string {
    const lately = this.#requests - this.#requestsBefore
    this.#requestsBefore = this.#requests
    const [p50, p99] = [this.#lately.percentileMs(50), this.#lately.percentileMs(99)]
    this.#lately.reset()
    const retried = this.#retries > 0 ? [`${this.#retries} retried`] : []
    const revoked = this.#revokedRefusals > 0 ? [`${this.#revokedRefusals} refused as revoked`] : []
    const parts = [
      `${second} s`,
      `${lately}/s`,
      `${this.failures} failed`,
      ...retried,
      ...revoked,
      `p50 ${p50} ms`,
      `p99 ${p99} ms`,
    ]
    return [...parts, `signed by ${kid ?? 'nobody yet'}`].join('  ')
  }

  #answered(latencyMs: number): void {
    this.#requests += 1
    this.#all.record(latencyMs)
    this.#lately.record(latencyMs)
  }
}
