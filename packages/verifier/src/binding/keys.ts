import { forgetOldest } from '../bounded.ts'
import { VerifyError } from '../error.ts'
import type { Jwk } from '../keys/jwk.ts'
import { publicMembers, thumbprint } from './thumbprint.ts'

const KEPT = 1000
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

const invalid = (detail: string): VerifyError => new VerifyError('proof_invalid', { detail })

function publicKey(jwk: unknown): Jwk {
  if (jwk === null || typeof jwk !== 'object') throw invalid('jwk')
  if (PRIVATE_MEMBERS.some((member) => Object.hasOwn(jwk, member))) throw invalid('the key is not a public one')
  const members = publicMembers(jwk as Jwk)
  if (members === undefined) throw invalid('jwk')
  return members
}

/**
 * The keys of clients that proved their possession lately, so that each is imported once: importing costs as much as
 * several verifications. Only the key that a good token names is looked at, so that nobody else can push one out.
 */
export class ProofKeys {
  readonly #kept = new Map<string, Jwk>()

  /** The `jwk` of a proof's header, where it is the one that the token is bound to. */
  embedded(jwk: unknown, jkt: string): Jwk {
    const members = publicKey(jwk)
    if (thumbprint(members) !== jkt) throw invalid('made with another key than the token is bound to')
    const key = this.#kept.get(jkt) ?? members
    this.#keep(key, jkt)
    return key
  }

  /** The one that was used longest ago makes room. */
  #keep(key: Jwk, jkt: string): void {
    this.#kept.delete(jkt)
    this.#kept.set(jkt, key)
    forgetOldest(this.#kept, KEPT)
  }
}
