import { forgetOldest } from '../bounded.ts'
import type { VerifyErrorCode } from '../error.ts'
import type { TrustEvents } from '../trust/source.ts'

type Outcome = 'ok' | VerifyErrorCode

/** How many keys a last use is remembered of. */
const REMEMBERED_KEYS = 1_000

function count(outcomes: Map<Outcome, number>, outcome: Outcome): void {
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
}

/** Counts what a verifier does. On the way of every token: nothing here allocates once an outcome has been seen. */
export class Tally {
  readonly #verdicts = new Map<Outcome, number>()
  readonly #asked = new Map<Outcome, number>()
  readonly #lastUsedMs = new Map<string, number>()
  readonly #keys = { added: 0, removed: 0, revoked: 0 }
  #accepted = 0

  accept(kid: string | undefined, nowMs: number): void {
    this.#accepted++
    if (kid === undefined) return
    this.#lastUsedMs.set(kid, nowMs)
    forgetOldest(this.#lastUsedMs, REMEMBERED_KEYS)
  }

  refuse(code: VerifyErrorCode): void {
    count(this.#verdicts, code)
  }

  note(event: keyof TrustEvents, fact: unknown): void {
    if (event === 'asked') count(this.#asked, fact as Outcome)
    if (event === 'keyAdded') this.#keys.added++
    if (event === 'keyRemoved') this.#keys.removed++
    if (event === 'keyRevoked') this.#keys.revoked++
  }

  /** Copies: what is handed out does not change under its reader. */
  counts() {
    const verdicts = new Map<Outcome, number>([['ok', this.#accepted], ...this.#verdicts])
    return {
      verdicts,
      asked: new Map(this.#asked),
      keyChanges: { ...this.#keys },
      lastUsedMs: new Map(this.#lastUsedMs),
    }
  }
}
