import { createHash } from 'node:crypto'
import { VerifyError } from '../error.ts'
import type { JwsHeader } from '../jws/header.ts'
import { parseObject } from '../jws/json.ts'
import { openJws } from '../jws/verify.ts'
import { ProofKeys } from './keys.ts'
import type { checkedDpop } from './options.ts'
import { ReplayMemory } from './replay.ts'
import type { Presented, PresentedRequest } from './request.ts'
import { normalTarget } from './target.ts'

type Claims = Readonly<Record<string, unknown>>

const invalid = (detail: string, cause?: unknown): VerifyError => new VerifyError('proof_invalid', { detail, cause })
const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** RFC 9449 §4.3, check 1. A compact JWS has no comma: where there is one, there were two fields. */
function onlyProof(request: PresentedRequest): string {
  const proof = request.header('dpop')
  if (proof === undefined || proof === '') throw new VerifyError('proof_missing')
  if (proof.includes(',')) throw invalid('more than one')
  return proof
}

function checkTarget({ htm, htu }: Claims, request: PresentedRequest): void {
  if (htm !== request.method) throw invalid('htm')
  const target = normalTarget(htu)
  if (target === undefined || target !== normalTarget(request.url)) throw invalid('htu')
}

/** What is wrong with a proof as a JWS, told as what is wrong with the proof; the rest goes on as it is. */
function proofFault(error: unknown): unknown {
  if (!(error instanceof VerifyError) || error.code === 'proof_invalid') return error
  return invalid(error.code, error)
}

/** Checks DPoP proofs (RFC 9449 §4.3) and remembers which were used. */
export class Proofs {
  readonly #options: ReturnType<typeof checkedDpop>
  readonly #keys = new ProofKeys()
  readonly #used: ReplayMemory

  constructor(options: ReturnType<typeof checkedDpop>) {
    this.#options = options
    this.#used = new ReplayMemory(options.maxRemembered, options.backMs + options.aheadMs)
  }

  /**
   * Holds the proof of a request against the key that its token is bound to. Remembered last: only what is good in every
   * other way takes a place in that memory.
   */
  check({ request, token }: Presented, jkt: string): void {
    const nowMs = this.#options.clock.wallMs()
    const claims = this.#open(onlyProof(request), jkt)
    checkTarget(claims, request)
    const untilMs = this.#checkTime(claims, nowMs)
    if (claims.ath !== sha256(token)) throw invalid('ath')
    this.#checkNonce(claims.nonce)
    this.#useOnce(claims.jti, jkt, untilMs, nowMs)
  }

  /** The one place where a key that came with a signature verifies it: the token says which key that must be. */
  #open(proof: string, jkt: string): Claims {
    const { algorithms, maxLength } = this.#options
    const keysFor = ({ typ, jwk, kid }: JwsHeader) => {
      if (typ !== 'dpop+jwt') throw invalid('typ')
      const key = this.#keys.embedded(jwk, jkt)
      return { keys: [kid === undefined ? key : { ...key, kid }] }
    }
    try {
      const { payload } = openJws(proof, keysFor, algorithms, maxLength)
      const claims = parseObject(payload)
      if (claims === undefined) throw invalid('payload')
      return claims
    } catch (error) {
      throw proofFault(error)
    }
  }

  /** Returns when the proof will be too old. */
  #checkTime({ iat, exp }: Claims, nowMs: number): number {
    const { backMs, aheadMs, toleranceMs } = this.#options
    if (typeof iat !== 'number') throw invalid('iat')
    const madeMs = iat * 1000
    if (!(nowMs - madeMs <= backMs && madeMs - nowMs <= aheadMs)) throw invalid('iat')
    // Not asked for by RFC 9449, but RFC 7519 §4.1.4 has nobody accept a JWT past an end that its maker set.
    if (exp !== undefined && !(typeof exp === 'number' && nowMs - toleranceMs < exp * 1000)) throw invalid('exp')
    return madeMs + backMs
  }

  #checkNonce(nonce: unknown): void {
    const { nonces } = this.#options
    if (nonces === undefined) return
    if (typeof nonce !== 'string' || !nonces.accepts(nonce)) throw new VerifyError('proof_nonce_required')
  }

  /** RFC 9449 §11.1: remembered as a hash, since a client may make a `jti` of any length. */
  #useOnce(jti: unknown, jkt: string, untilMs: number, nowMs: number): void {
    if (typeof jti !== 'string' || jti === '') throw invalid('jti')
    const use = this.#used.use(sha256(`${jkt}.${jti}`), untilMs, nowMs)
    if (use === 'replayed') throw new VerifyError('proof_replayed')
    if (use === 'full') throw new VerifyError('proof_memory_full')
  }
}
