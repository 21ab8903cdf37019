import type { SecretSource } from '../source.ts'

/** One identity provider of idps.yaml, whose tokens bearer routes accept. */
export interface Idp {
  readonly name: string
  /** The `iss` of its tokens. */
  readonly issuer: string
  /** Tokens must be meant for one of them; null for any. */
  readonly audiences: readonly string[] | null
  /** How tokens are checked. */
  readonly check: LocalCheck | IntrospectionCheck
  /** How far its clock may be off. */
  readonly leewayMs: number
  readonly claims: { readonly roles: readonly ClaimSource[]; readonly permissions: readonly ClaimSource[] }
}

/** By its keys, which are polled. */
export interface LocalCheck {
  readonly by: 'keys'
  readonly jwksUrl: URL
  readonly allowPlaintext: boolean
}

/** By asking it (RFC 7662). */
export interface IntrospectionCheck {
  readonly by: 'introspection'
  readonly url: URL
  readonly clientId: string
  readonly clientSecret: SecretSource
  /** Over all tries. */
  readonly timeoutMs: number
  /** For how long an active token is not asked about again; 0 is to ask each time. */
  readonly cacheMs: number
}

/** Where claims have roles or permissions. */
export interface ClaimSource {
  /** The name of a claim; dots lead deeper, as in `realm_access.roles`. */
  readonly source: string
  readonly format: 'space_delimited' | 'array'
}
