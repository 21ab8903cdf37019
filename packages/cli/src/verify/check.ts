import { messageOf } from '../error.ts'

/** One thing that was looked at. `tried` is false where nobody could look: that proves nothing either way. */
export interface Check {
  name: string
  ok: boolean
  detail: string
  tried: boolean
}

/** What `--json` prints. `ok`: nothing that was tried failed. */
export interface Verification {
  ok: boolean
  checks: Check[]
}

/** Says that a check cannot be made here. */
export class NotTried extends Error {}

/** Checks, one after the other. One that fails does not end the rest. */
export class Checks {
  readonly #done: Check[] = []

  /** @param look says what it saw; throws what is wrong */
  async check<T extends { detail: string }>(name: string, look: () => Promise<T>): Promise<T | undefined> {
    try {
      const seen = await look()
      this.#done.push({ name, ok: true, detail: seen.detail, tried: true })
      return seen
    } catch (error) {
      this.#done.push({ name, ok: false, detail: messageOf(error), tried: !(error instanceof NotTried) })
      return undefined
    }
  }

  get verification(): Verification {
    return { ok: this.#done.every(({ ok, tried }) => ok || !tried), checks: this.#done }
  }
}

/** A check without its success is a sentence of what was there instead. */
export function expect(isTrue: boolean, otherwise: string): asserts isTrue {
  if (!isTrue) throw new Error(otherwise)
}
