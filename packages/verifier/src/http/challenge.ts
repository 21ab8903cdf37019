import type { VerifyErrorCode } from '../error.ts'

/** What a challenge says besides the error. */
export interface ChallengeFacts {
  readonly realm: string | undefined
  /** The scopes that are needed here. */
  readonly scopes: readonly string[]
  /** Whether who sent no token is told of the scheme DPoP. */
  readonly asksForProofs: boolean
  /** What a proof of possession may be signed with. */
  readonly proofAlgorithms: readonly string[]
  /** The scheme that the request used, if it used one. */
  readonly scheme: 'bearer' | 'dpop' | undefined
}

const PROOF_CODES: readonly VerifyErrorCode[] = ['proof_missing', 'proof_invalid', 'proof_replayed']

/** RFC 6750 §3.1, RFC 9449 §7.1. A role that is missing is, to a client, privilege that is missing: there is no other word. */
function errorName(code: VerifyErrorCode): string {
  if (code === 'credentials_ambiguous') return 'invalid_request'
  if (code === 'scope_missing' || code === 'role_missing') return 'insufficient_scope'
  if (code === 'proof_nonce_required') return 'use_dpop_nonce'
  return PROOF_CODES.includes(code) ? 'invalid_dpop_proof' : 'invalid_token'
}

/** Of a quoted string only what needs no escape (RFC 6750 §3): the rest is left out. */
const quoted = (text: string): string => `"${text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '')}"`

function challengeOf(scheme: 'Bearer' | 'DPoP', parameters: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== undefined)
  const written = given.map(([name, value]) => `${name}=${quoted(value)}`).join(', ')
  return written === '' ? scheme : `${scheme} ${written}`
}

/**
 * `WWW-Authenticate` (RFC 6750 §3, RFC 9449 §7.1). Who sent no token learns which schemes there are, and no error; who
 * sent one learns what was wrong, in the scheme to try again with.
 */
export function challenge(code: VerifyErrorCode, description: string, facts: ChallengeFacts): string {
  const { realm, scheme } = facts
  const algs = facts.proofAlgorithms.join(' ')
  if (code === 'token_missing') {
    const proof = facts.asksForProofs ? [challengeOf('DPoP', { realm, algs })] : []
    return [challengeOf('Bearer', { realm }), ...proof].join(', ')
  }
  const error = errorName(code)
  const scope = code === 'scope_missing' ? facts.scopes.join(' ') : undefined
  const parameters = { realm, error, error_description: description, scope }
  const asksForProof = scheme === 'dpop' || code.startsWith('proof_')
  return asksForProof ? challengeOf('DPoP', { ...parameters, algs }) : challengeOf('Bearer', parameters)
}
