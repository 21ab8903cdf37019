import { type Clock, elapsedMs, type Moment } from '../../clock.ts'
import { VerifyError, type VerifyErrorCode } from '../../error.ts'
import { algorithmNamed } from '../../jws/algorithms.ts'
import { importedKey } from '../../keys/cache.ts'
import type { Jwk, Jwks } from '../../keys/jwk.ts'
import { usableKey } from '../../keys/select.ts'
import { Ceiling } from '../ceiling.ts'
import { type TrustChange, TrustSet } from '../set.ts'
import { type Announce, announceChange, type TrustSnapshot } from '../source.ts'
import type { FetchedJwks } from './endpoint.ts'

/** An age is told in whole seconds, rounded by each cache on the way. */
const AGE_SLACK_MS = 2_000

function before({ wallMs, monotonicMs }: Moment, ms: number): Moment {
  return { wallMs: wallMs - ms, monotonicMs: monotonicMs - ms }
}

/** Whether it could be a public key for signatures at all; what else an issuer lists is not trusted with anything. */
function isPublicKey(jwk: Jwk | null): boolean {
  if (jwk === null || typeof jwk !== 'object' || jwk.kty === 'oct') return false
  return (jwk.use === undefined || jwk.use === 'sig') && importedKey(jwk) !== undefined
}

/** Whether any of the keys could verify by one of these algorithms. */
function canVerify({ keys }: Jwks, algorithms: readonly string[]): boolean {
  const rows = algorithms.map(algorithmNamed).filter((row) => row !== undefined)
  return keys.some((jwk) => rows.some((row) => usableKey(jwk, row) !== undefined))
}

/** The keys of the last good answer, and for how long they count. */
export class PolledKeys {
  readonly #set = new TrustSet()
  readonly #ceiling: Ceiling
  readonly #clock: Clock
  readonly #ceilingMs: number
  readonly #announce: Announce
  /** When the issuer itself gave the last good answer: a cache on the way may have kept it for a while. */
  #told: Moment | undefined

  constructor(clock: Clock, ceilingMs: number, announce: Announce) {
    this.#clock = clock
    this.#ceilingMs = ceilingMs
    this.#announce = announce
    this.#ceiling = new Ceiling(clock, ceilingMs, (event) => announce(event))
  }

  get jwks(): Jwks {
    if (this.#ceiling.leftMs === 0) throw new VerifyError('trust_unavailable')
    return this.#set.jwks
  }

  get snapshot(): TrustSnapshot {
    const { kids, revokedKids } = this.#set
    const { leftMs, ageMs } = this.#ceiling
    return { held: leftMs > 0, revision: null, kids, revokedKids, leaseLeftMs: leftMs, ageMs }
  }

  lists(kid: string): boolean {
    return this.#set.kids.includes(kid)
  }

  isRevoked(kid: string): boolean {
    return this.#set.isRevoked(kid)
  }

  whyAbsent(kid: string): VerifyErrorCode {
    return this.#set.whyAbsent(kid)
  }

  /**
   * Replaces the keys by those of an answer; `usable` tells whether it has any that could verify. One that has none is an
   * answer too, and withdraws every key.
   *
   * @throws {VerifyError} for an old copy out of a cache
   */
  take(answer: FetchedJwks, sent: Moment, algorithms: readonly string[]): { change: TrustChange; usable: boolean } {
    const keys = answer.keys.filter(isPublicKey)
    this.#refuseOld({ ...answer, keys })
    const reused = this.#set.reusedIn(keys)
    const change = this.#set.apply({ keys })
    const usable = canVerify(this.#set.jwks, algorithms)
    if (!this.#isOlder(answer.ageMs)) this.#told = before(sent, answer.ageMs)
    announceChange(this.#announce, change)
    for (const kid of reused) this.#announce('problem', new VerifyError('kid_reused', { kid }))
    this.#ceiling.answered(before(sent, answer.staleMs), usable)
    return { change, usable }
  }

  /** From now on nothing is trusted. */
  stop(): void {
    this.#ceiling.stop()
  }

  #isOlder(ageMs: number): boolean {
    return this.#told !== undefined && ageMs > elapsedMs(this.#clock, this.#told) + AGE_SLACK_MS
  }

  /**
   * A copy older than what is held, and other than it, is no news, and would bring back a key that was withdrawn since. One
   * that a cache falls back to, although the issuer no longer lets it be used, counts for as long as if it had been held here
   * meanwhile.
   */
  #refuseOld({ ageMs, staleMs, keys }: FetchedJwks): void {
    const isTrusted = (this.#ceiling.ageMs ?? this.#ceilingMs) < this.#ceilingMs
    const bringsBack = isTrusted && this.#isOlder(ageMs) && !this.#set.holds(keys)
    if (!bringsBack && staleMs < this.#ceilingMs) return
    throw new VerifyError('jwks_failed', { detail: 'a cache on the way answered with an old copy' })
  }
}
