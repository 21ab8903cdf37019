import type { DenyEntry } from './deny/entry.ts'
import type { DeniedEntry } from './deny/list.ts'
import { VerifyError } from './error.ts'
import { decodeUnverified } from './jwt/unverified.ts'
import type { VerifiedToken } from './jwt/verify.ts'
import type { VerifierMetrics } from './metrics/counters.ts'
import { asResult, type Refreshed, type Verifier, type VerifyResult } from './verifier.ts'

/** Of several issuers, which one? */
function namingIssuer({ issuer }: Verifier) {
  return (cause: unknown): never => {
    if (!(cause instanceof VerifyError)) throw cause
    throw new VerifyError(cause.code, { detail: issuer ?? '', cause })
  }
}

/**
 * Several issuers behind one door, each with keys, trust and a deny-list of its own. A token is held against the verifier
 * of the issuer that it names, and against no other: keys are never pooled, so that one issuer can never sign for another.
 */
export class SeveralIssuers {
  readonly #byIssuer: ReadonlyMap<string, Verifier>

  constructor(verifiers: readonly Verifier[]) {
    const named = verifiers.flatMap((one) => (one.issuer === null ? [] : [[one.issuer, one] as const]))
    this.#byIssuer = new Map(named)
    if (verifiers.length === 0 || this.#byIssuer.size < verifiers.length) {
      throw new TypeError('each of the verifiers must have an issuer of its own, and there must be one')
    }
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

  /** `authenticate`, with what is wrong with a token as a value instead of an exception. */
  tryAuthenticate(token: string): Promise<VerifyResult> {
    return this.authenticate(token).then((verified) => ({ ok: true as const, token: verified }), asResult)
  }

  /** Asks every issuer now. @throws {VerifyError} when one did not answer; the others are refreshed all the same. */
  async refresh(): Promise<Refreshed[]> {
    const asked = await Promise.allSettled(this.verifiers.map((one) => one.refresh().catch(namingIssuer(one))))
    return asked.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason
      return outcome.value
    })
  }

  /** Denies tokens of every issuer: an identifier that several of them use is denied for all. */
  async deny(entries: readonly DenyEntry[]): Promise<void> {
    await Promise.all(this.verifiers.map((one) => one.deny(entries)))
  }

  /** Takes entries of {@link deny} back; resolves to how many there were at the issuer that had most of them. */
  async allow(entries: readonly DenyEntry[]): Promise<number> {
    return Math.max(...(await Promise.all(this.verifiers.map((one) => one.allow(entries)))))
  }

  /** What is denied, of all issuers; an entry that several of them hold comes once for each. */
  *denied(): Iterable<DeniedEntry> {
    for (const one of this.verifiers) yield* one.denied()
  }

  metrics(): VerifierMetrics[] {
    return this.verifiers.map((one) => one.metrics())
  }

  async close(): Promise<void> {
    await Promise.all(this.verifiers.map((one) => one.close()))
  }

  #verifierOf(token: string): Verifier {
    const claims = decodeUnverified(token)?.payload
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
