import type { JsonWebKey } from 'node:crypto'
import { type FetchedKeys, type FetchRow, fetchColumns, fetchedOf } from './keys/fetched.ts'

/** A set of public keys as a client gives it, inline or by its `jwks_uri`. */
export interface ClientKeySet {
  keys: readonly (JsonWebKey & { kid?: string; alg?: string })[]
}

/** What a client registered (RFC 7591 §2, OpenID Connect Dynamic Client Registration 1.0 §2). Never a secret. */
export interface ClientMetadata {
  readonly [member: string]: unknown
  readonly client_name?: string
  readonly redirect_uris?: readonly string[]
  readonly post_logout_redirect_uris?: readonly string[]
  readonly grant_types?: readonly string[]
  readonly response_types?: readonly string[]
  readonly token_endpoint_auth_method?: string
  readonly token_endpoint_auth_signing_alg?: string
  readonly jwks?: ClientKeySet
  readonly jwks_uri?: string
}

/** What is stored of a client's registration, beside what is stored of it as an agent. */
export interface Registration {
  profile: string
  metadata: ClientMetadata
  /** What its `jwks_uri` answered last. */
  fetched: FetchedKeys | undefined
}

/** Columns of `clients`, by names that no other table of a join has. */
export const registrationColumns = ['clients.profile', 'clients.metadata', ...fetchColumns] as const

interface RegistrationRow extends FetchRow {
  profile: string | null
  metadata: ClientMetadata | null
}

/** @returns `undefined` where the row is that of an agent that did not register */
export function registrationOf(row: RegistrationRow): Registration | undefined {
  const { profile, metadata } = row
  if (!profile || !metadata) return undefined
  return { profile, metadata, fetched: fetchedOf(row, metadata) }
}
