/**
 * What each code means, in the words that may go to the wire: none of them repeats anything a caller sent.
 */
const MEANING = {
  token_missing: 'no bearer token was sent',
  credentials_ambiguous: 'more than one token was sent',
  token_malformed: 'the token is not a well-formed compact JWS or JWT',
  token_too_large: 'the token is larger than this verifier reads',
  header_unsupported: 'the token header asks for an extension that is not supported',
  algorithm_not_allowed: 'the algorithm of the token is not allowed here',
  key_unknown: 'no trusted key has the id named by the token',
  key_ambiguous: 'more than one trusted key could have signed the token',
  key_unusable: 'the key named by the token may not be used for its signature',
  key_retired: 'the key named by the token has been retired',
  key_revoked: 'the key named by the token has been revoked',
  signature_invalid: 'the signature does not match',
  claim_missing: 'a required claim is missing',
  claim_invalid: 'a claim has the wrong type',
  token_expired: 'the token has expired',
  token_not_yet_valid: 'the token is not valid yet',
  issuer_mismatch: 'the token was issued by somebody else',
  audience_mismatch: 'the token is meant for another audience',
  type_mismatch: 'the token is of another type',
  party_mismatch: 'the token was issued to another client',
  token_lifetime_too_long: 'the token lives longer than is allowed here',
  token_denied: 'the token has been taken back',
  scope_missing: 'the token does not have the scope that this needs',
  role_missing: 'the token does not have the role that this needs',
  confirmation_missing: 'the token is not bound to its sender in the way that is needed here',
  confirmation_unsupported: 'the token is bound to something that cannot be checked here',
  proof_missing: 'the token is bound to a key, and no proof of possession was sent',
  proof_invalid: 'the proof of possession is not good for this request',
  proof_replayed: 'the proof of possession was used before',
  proof_memory_full: 'more proofs of possession were used lately than can be remembered; try again later',
  proof_nonce_required: 'the proof of possession needs a fresh nonce of this server',
  certificate_missing: 'the token is bound to a client certificate, and none was presented',
  certificate_mismatch: 'the token is bound to another client certificate',
  trust_unavailable: 'the keys of the issuer cannot be vouched for at the moment',
  feed_failed: 'the trust feed could not be read',
  lease_refused: 'the trust lease was not renewed',
  revision_backwards: 'the issuer offered a trust set older than the one already held',
  jwks_failed: 'the key set of the issuer could not be fetched',
  jwks_empty: 'the key set of the issuer has no key that could verify anything here',
  kid_reused: 'the issuer gave an id that another of its keys had before',
  secrets_failed: 'the shared secrets could not be read',
  deny_entry_invalid: 'the entry is none that a deny-list can hold',
  deny_file_failed: 'the deny-list file could not be read or written',
  state_file_failed: 'the state file could not be read or written',
  verifier_closed: 'the verifier has been closed',
} as const

/** Every code a {@link VerifyError} can carry. The codes are stable; a client may branch on them. */
export type VerifyErrorCode = keyof typeof MEANING

/** Facts about a refusal. `kid` comes from the token: treat it as hostile text when it is logged. */
export interface VerifyFacts {
  kid?: string | undefined
  claim?: string | undefined
  detail?: string | undefined
  cause?: unknown
}

/**
 * The one error of this package for whatever is wrong with a token or with the trust in its issuer. Wrong use of an
 * option is a TypeError instead. `message` never contains anything that was read from the token.
 */
export class VerifyError extends Error {
  override readonly name = 'VerifyError'
  readonly code: VerifyErrorCode
  readonly kid: string | undefined
  readonly claim: string | undefined

  constructor(code: VerifyErrorCode, facts: VerifyFacts = {}) {
    const about = facts.claim ?? facts.detail
    super(about === undefined ? MEANING[code] : `${MEANING[code]}: ${about}`, { cause: facts.cause })
    this.code = code
    this.kid = facts.kid
    this.claim = facts.claim
  }
}
