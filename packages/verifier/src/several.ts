import { EventEmitter } from 'node:events'
import type { DenyEntry } from './deny/entry.ts'
import type { DeniedEntry } from './deny/list.ts'
import { VerifyError } from './error.ts'
import { instanceName } from './instance-name.ts'
import { decodeUnverified } from './jwt/unverified.ts'
import type { VerifiedToken } from './jwt/verify.ts'
import type { VerifierMetrics } from './metrics/counters.ts'
import type { Refreshed, TrustEvents, TrustSnapshot } from './trust/source.ts'
import { asResult, type Verifier, type VerifyResult } from './verifier.ts'

/** An issuer that could not be asked, and why. */
export interface RefreshFailed {
  readonly issuer: string | null
  readonly error: VerifyError
}

/** An entry of a deny-list, and whose list it is. */
export interface DeniedAt extends DeniedEntry {
  readonly issuer: string | null
}

const EVENTS: { readonly [Name in keyof TrustEvents]: true } = {
  keyAdded: true,
  keyRemoved: true,
  keyRevoked: true,
  leaseLost: true,
  leaseRegained: true,
  bootstrapped: true,
  refreshed: true,
  denied: true,
  allowed: true,
  asked: true,
  problem: true,
}

const failedAt = ({ issuer }: Verifier) => {
  return (error: unknown): RefreshFailed => {
    if (error instanceof VerifyError) return { issuer, error }
    throw error
  }
}

/**
 * Several issuers behind one door, each with keys, trust and a deny-list of its own. A token is held against the verifier
 * of the issuer that it names, and against no other: keys are never pooled, so that one issuer can never sign for another.
 * Emits what any of the verifiers emits; to know whose it is, listen to each of {@link verifiers}.
 */
export class SeveralIssuers extends EventEmitter<TrustEvents> {
  /** By which the internal endpoints say who answered. */
  readonly instance = instanceName()
  readonly #byIssuer: ReadonlyMap<string, Verifier>
  readonly #maxLength: number

  constructor(verifiers: readonly Verifier[]) {
    super()
    if (!Array.isArray(verifiers as unknown) || !verifiers.every((one) => typeof one?.authenticate === 'function')) {
      throw new TypeError('severalIssuers needs a list of verifiers')
    }
    const named = verifiers.flatMap((one) => (one.issuer === null ? [] : [[one.issuer, one] as const]))
    this.#byIssuer = new Map(named)
    if (verifiers.length === 0 || this.#byIssuer.size < verifiers.length) {
      throw new TypeError('each of the verifiers must have an issuer of its own, and there must be one')
    }
    this.#maxLength = Math.max(...verifiers.map((one) => one.maxLength))
    for (const one of verifiers) this.#passOn(one)
  }

  get verifiers(): readonly Verifier[] {
    return [...this.#byIssuer.values()]
  }

  /** Starts all of them; resolves when each holds trust. One whose issuer is down does not keep the others from working. */
  async start(): Promise<void> {
    await Promise.all(this.verifiers.map((one) => one.start()))
  }

  /** @throws {VerifyError} as {@link Verifier.verify}; `issuer_mismatch` for an issuer that is none of these */
  verify(token: string): VerifiedToken {
    return this.#verifierOf(token).verify(token)
  }

  /** @throws {VerifyError} as {@link Verifier.authenticate}; `issuer_mismatch` for an issuer that is none of these */
  async authenticate(token: string): Promise<VerifiedToken> {
    return this.#verifierOf(token).authenticate(token)
  }

  /** `verify`, with what is wrong with a token as a value instead of an exception. */
  tryVerify(token: string): VerifyResult {
    try {
      return { ok: true, token: this.verify(token) }
    } catch (error) {
      return asResult(error)
    }
  }

  /** `authenticate`, with what is wrong with a token as a value instead of an exception. */
  tryAuthenticate(token: string): Promise<VerifyResult> {
    return this.authenticate(token).then((verified) => ({ ok: true as const, token: verified }), asResult)
  }

  /** The worst of all: held when all are held. The keys are those of all together; {@link verifiers} tell each its own. */
  get trust(): TrustSnapshot {
    const all = this.verifiers.map((one) => one.trust)
    const ages = all.map(({ ageMs }) => ageMs).filter((ageMs) => ageMs !== null)
    return {
      held: all.every(({ held }) => held),
      revision: null,
      kids: [...new Set(all.flatMap(({ kids }) => kids))],
      revokedKids: [...new Set(all.flatMap(({ revokedKids }) => revokedKids))],
      leaseLeftMs: Math.min(...all.map(({ leaseLeftMs }) => leaseLeftMs)),
      ageMs: ages.length < all.length ? null : Math.max(...ages),
    }
  }

  /** Asks every issuer now. @throws {VerifyError} when one did not answer; the others are refreshed all the same. */
  async refresh(): Promise<Refreshed[]> {
    return (await this.refreshEach()).map((outcome) => {
      if (!('error' in outcome)) return outcome
      const { issuer, error } = outcome
      throw new VerifyError(error.code, { detail: issuer ?? '', cause: error })
    })
  }

  /** The same, with an issuer that did not answer as a value among the others. */
  refreshEach(): Promise<(Refreshed | RefreshFailed)[]> {
    return Promise.all(this.verifiers.map((one) => one.refresh().catch(failedAt(one))))
  }

  /** Denies tokens of every issuer: an identifier that several of them use is denied for all. */
  async deny(entries: readonly DenyEntry[]): Promise<void> {
    await Promise.all(this.verifiers.map((one) => one.deny(entries)))
  }

  /** Takes entries of {@link deny} back; resolves to how many there were at the issuer that had most of them. */
  async allow(entries: readonly DenyEntry[]): Promise<number> {
    return Math.max(...(await Promise.all(this.verifiers.map((one) => one.allow(entries)))))
  }

  /** What is denied, of all issuers; an entry that several of them hold comes once for each, with its issuer. */
  *denied(): Iterable<DeniedAt> {
    for (const one of this.verifiers) {
      for (const entry of one.denied()) yield { ...entry, issuer: one.issuer }
    }
  }

  metrics(): VerifierMetrics[] {
    return this.verifiers.map((one) => one.metrics())
  }

  async close(): Promise<void> {
    await Promise.all(this.verifiers.map((one) => one.close()))
  }

  #passOn(verifier: Verifier): void {
    for (const event of Object.keys(EVENTS) as (keyof TrustEvents)[]) {
      verifier.on(event, (...facts: unknown[]) => this.emit(event, ...(facts as never)))
    }
  }

  #verifierOf(token: string): Verifier {
    if (token?.length > this.#maxLength) throw new VerifyError('token_too_large')
    const claims = decodeUnverified(token, this.#maxLength)?.payload
    if (claims === undefined) throw new VerifyError('token_malformed')
    const { iss } = claims
    if (iss === undefined) throw new VerifyError('claim_missing', { claim: 'iss' })
    const verifier = typeof iss === 'string' ? this.#byIssuer.get(iss) : undefined
    if (verifier === undefined) throw new VerifyError('issuer_mismatch')
    return verifier
  }
}

/**
 * One verifier for the tokens of several issuers. Each keeps its own keys: nothing is pooled.
 * @throws {TypeError} unless every verifier has an issuer of its own
 */
export function severalIssuers(verifiers: readonly Verifier[]): SeveralIssuers {
  return new SeveralIssuers(verifiers)
}
