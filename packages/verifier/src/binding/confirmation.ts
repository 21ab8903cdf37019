import { VerifyError } from '../error.ts'
import { decodeStrict } from '../jws/base64url.ts'
import type { JwtClaims } from '../jwt/claims.ts'

/** What a token is bound to (RFC 7800): a key, a client certificate, both, or neither. */
export interface Confirmation {
  /** Thumbprint of the key whose holder may use the token (RFC 9449 §6.1). */
  readonly jkt: string | undefined
  /** SHA-256 of the certificate whose holder may use the token (RFC 8705 §3.1). */
  readonly x5tS256: string | undefined
}

const UNBOUND: Confirmation = { jkt: undefined, x5tS256: undefined }
const SHA256_BYTES = 32

function digest(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && decodeStrict(value)?.length === SHA256_BYTES) return value
  throw new VerifyError('claim_invalid', { claim: 'cnf' })
}

/**
 * Reads the `cnf` claim. RFC 7800 §3.1 has unknown members ignored, but one that names nothing known here is refused:
 * the issuer bound the token to something, and to accept it from anybody would undo that.
 */
export function confirmationOf({ cnf }: JwtClaims): Confirmation {
  if (cnf === undefined) return UNBOUND
  if (cnf === null || typeof cnf !== 'object' || Array.isArray(cnf)) {
    throw new VerifyError('claim_invalid', { claim: 'cnf' })
  }
  const confirmation = { jkt: digest(cnf.jkt), x5tS256: digest(cnf['x5t#S256']) }
  if (confirmation.jkt === undefined && confirmation.x5tS256 === undefined) {
    throw new VerifyError('confirmation_unsupported')
  }
  return confirmation
}
