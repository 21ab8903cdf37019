import { VerifyError } from '../error.ts'
import type { VerifiedToken } from '../jwt/verify.ts'
import { checkCertificate } from './certificate.ts'
import { type Confirmation, confirmationOf } from './confirmation.ts'
import { assertBinding, type BindingOptions, checkedDpop } from './options.ts'
import { Proofs } from './proof.ts'
import type { Presented } from './request.ts'

/** Holds good tokens against whoever presents them. Made by {@link tokenBinding}. */
export interface TokenBinding {
  /** The algorithms of proofs, for the `algs` of a challenge (RFC 9449 §7.1). */
  readonly proofAlgorithms: readonly string[]
  /**
   * Returns when the token may be used by this sender.
   * @throws {VerifyError} `proof_*`, `certificate_*`, `confirmation_*`, or `claim_invalid` for a malformed `cnf`.
   */
  check(token: VerifiedToken, presented: Presented): void
  /** What the `DPoP-Nonce` of an answer should be; undefined where nonces are not in use. */
  nonce(): string | undefined
}

function isBoundAs(required: BindingOptions['requiredBinding'], { jkt, x5tS256 }: Confirmation): boolean {
  if (required === 'dpop') return jkt !== undefined
  if (required === 'certificate') return x5tS256 !== undefined
  return required !== 'either' || jkt !== undefined || x5tS256 !== undefined
}

/**
 * RFC 9449 §7.2: a token that is bound to a key and comes as a bearer token is what a thief without the key would send;
 * §7.1: the scheme DPoP promises a binding that the token must then have.
 */
function checkScheme(scheme: Presented['scheme'], jkt: string | undefined): void {
  if (scheme === 'bearer' && jkt !== undefined)
    throw new VerifyError('proof_missing', { detail: 'use the scheme DPoP' })
  if (scheme === 'dpop' && jkt === undefined) throw new VerifyError('confirmation_missing')
}

/**
 * Sender-constrained tokens: DPoP (RFC 9449) and certificate-bound tokens (RFC 8705). A token whose `cnf` names a key
 * needs a proof of that key, one whose `cnf` names a certificate needs that certificate, and one that names both needs
 * both. One binding serves all requests of a server: it remembers which proofs were used.
 *
 * @throws {TypeError} for an option of the wrong shape.
 */
export function tokenBinding(options: BindingOptions = {}): TokenBinding {
  assertBinding(options)
  const { requiredBinding, dangerouslyTrustedCertificateHeader } = options
  const dpop = checkedDpop(options)
  const proofs = new Proofs(dpop)
  return {
    proofAlgorithms: dpop.algorithms,
    check(token, presented) {
      const confirmation = confirmationOf(token.payload)
      const { jkt, x5tS256 } = confirmation
      if (!isBoundAs(requiredBinding, confirmation)) throw new VerifyError('confirmation_missing')
      checkScheme(presented.scheme, jkt)
      if (x5tS256 !== undefined) checkCertificate(presented.request, x5tS256, dangerouslyTrustedCertificateHeader)
      if (jkt !== undefined) proofs.check(presented, jkt)
    },
    nonce: () => dpop.nonces?.current(),
  }
}
