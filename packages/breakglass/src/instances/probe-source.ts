import type { Clock } from '../clock.ts'
import { BreakGlassError, type BreakGlassErrorCode } from '../error.ts'
import type { Probe, Unavailable } from '../providers/port.ts'

/** Long before the shortest-lived token ends. */
const RENEW_MS = 60_000
/** A provider that cannot give one is not asked by every instance at once. */
const AGAIN_MS = 500

/** A provider that fails like this may have one a moment later; anything else ends the procedure. */
const PASSING: readonly BreakGlassErrorCode[] = ['PROVIDER_UNREACHABLE', 'PROVIDER_REFUSED', 'COMMAND_FAILED']

/** No token at the moment: `again` where the next attempt may bring one. */
export interface NoProbe extends Unavailable {
  again?: true
}

/** A token that all instances are tried with, had anew before it ends; or why there is none at the moment. */
export class ProbeSource {
  readonly #make: () => Promise<Probe | Unavailable>
  readonly #monotonic: Clock
  #current: Promise<Probe | NoProbe> | undefined
  #goodUntilMs = Number.NEGATIVE_INFINITY

  constructor(make: () => Promise<Probe | Unavailable>, monotonic: Clock) {
    this.#make = make
    this.#monotonic = monotonic
  }

  get(): Promise<Probe | NoProbe> {
    if (this.#current !== undefined && this.#monotonic() < this.#goodUntilMs) return this.#current
    this.#goodUntilMs = this.#monotonic() + RENEW_MS
    this.#current = this.#make().catch((error: unknown) => this.#failed(error))
    return this.#current
  }

  #failed(error: unknown): NoProbe {
    if (!(error instanceof BreakGlassError) || !PASSING.includes(error.code)) throw error
    this.#goodUntilMs = this.#monotonic() + AGAIN_MS
    return { unavailable: error.message, again: true }
  }
}
