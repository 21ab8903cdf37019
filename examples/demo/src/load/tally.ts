/** The phases of the demo, in their order, and as they are called in its table. */
export const phases = {
  settle: 'settling',
  first: '1st rotation',
  second: '2nd rotation',
  move: 'RS256→ES256',
  naive: 'naive',
  settleAgain: 'settling again',
  revocation: 'revocation',
} as const

export type Phase = keyof typeof phases

/** What happened to the requests to one target in one phase. */
export interface Count {
  requests: number
  failures: number
  /** Refusals of tokens whose key was revoked: meant to happen, and no failures. */
  revoked: number
  causes: Record<string, number>
}

/** Counts by phase and target, a phase being that in which a request was sent. */
export class Tally {
  readonly #counts = new Map<string, Count>()

  succeeded(phase: Phase, target: string): void {
    this.#count(phase, target).requests += 1
  }

  failed(phase: Phase, target: string, cause: string): void {
    const count = this.#count(phase, target)
    count.requests += 1
    count.failures += 1
    count.causes[cause] = (count.causes[cause] ?? 0) + 1
  }

  refusedAsRevoked(phase: Phase, target: string): void {
    const count = this.#count(phase, target)
    count.requests += 1
    count.revoked += 1
  }

  of(phase: Phase, target: string): Readonly<Count> {
    return this.#counts.get(key(phase, target)) ?? nothing()
  }

  /** Over all targets. */
  in(phase: Phase): { requests: number; failures: number } {
    let [requests, failures] = [0, 0]
    for (const [name, count] of this.#counts) {
      if (!name.startsWith(`${phase} `)) continue
      requests += count.requests
      failures += count.failures
    }
    return { requests, failures }
  }

  #count(phase: Phase, target: string): Count {
    const name = key(phase, target)
    const count = this.#counts.get(name) ?? nothing()
    this.#counts.set(name, count)
    return count
  }
}

const key = (phase: Phase, target: string) => `${phase} ${target}`
const nothing = (): Count => ({ requests: 0, failures: 0, revoked: 0, causes: {} })
