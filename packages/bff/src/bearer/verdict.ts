import { type JwtClaims, rolesOf, scopesOf } from '@rekey/verifier'
import type { ClaimSource, Idp } from '../config/files/idp.ts'
import { memberAt } from '../json/member.ts'

/** A token that was found good, and what it says. */
export interface BearerToken {
  readonly sub: string
  readonly claims: Readonly<Record<string, unknown>>
  readonly scopes: ReadonlySet<string>
  readonly roles: readonly string[]
  readonly permissions: readonly string[]
  /** Goes to services behind the proxy. */
  readonly token: string
  /** The name of the identity provider that vouches for it. */
  readonly idp: string
}

/** `unavailable`: it cannot be told at the moment, which is no fault of the token. */
export type Verdict =
  | { readonly status: 'valid'; readonly bearer: BearerToken }
  | { readonly status: 'invalid' | 'expired' | 'unavailable' }

export const invalid: Verdict = { status: 'invalid' }
export const expired: Verdict = { status: 'expired' }
export const unavailable: Verdict = { status: 'unavailable' }

type Claims = Readonly<Record<string, unknown>>

/** The verdict about claims that somebody vouches for and whose issuer, audience and times are as they should be. */
export function verdictOf(token: string, claims: Claims, idp: Pick<Idp, 'name' | 'claims'>): Verdict {
  const sub = subjectOf(claims)
  if (sub === undefined || !isPlainAccessToken(claims)) return invalid
  // Neither looks at any other claim than its own.
  const known = claims as JwtClaims
  const scopes = scopesOf(known)
  const { roles, permissions } = idp.claims
  return {
    status: 'valid',
    bearer: {
      sub,
      claims,
      scopes,
      roles: roles.length > 0 ? valuesOf(claims, roles) : [...rolesOf(known)],
      permissions: permissions.length > 0 ? valuesOf(claims, permissions) : [...scopes],
      token,
      idp: idp.name,
    },
  }
}

/** A client that acts for nobody else is its own subject. */
function subjectOf({ sub, client_id }: Claims): string | undefined {
  const subject = sub ?? client_id
  return typeof subject === 'string' && subject !== '' ? subject : undefined
}

/**
 * Some vouch for their refresh tokens and ID tokens too: those say so in `token_type` (RFC 7662 §2.2), `token_use` or `typ`. What is
 * bound to a key or a certificate (`cnf`) is not good without a proof, which nobody looks at here.
 */
function isPlainAccessToken({ cnf, token_type, token_use, typ }: Claims): boolean {
  return (
    cnf === undefined &&
    isOneOf(token_type, ['bearer', 'access_token']) &&
    isOneOf(token_use, ['access_token', 'access']) &&
    isOneOf(typ, ['bearer', 'jwt', 'at+jwt', 'access_token'])
  )
}

function isOneOf(value: unknown, words: readonly string[]): boolean {
  return value === undefined || (typeof value === 'string' && words.includes(value.toLowerCase()))
}

function valuesOf(claims: Claims, sources: readonly ClaimSource[]): string[] {
  return [...new Set(sources.flatMap(({ source, format }) => valuesIn(memberAt(claims, source), format)))]
}

function valuesIn(value: unknown, format: ClaimSource['format']): string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  const texts = values.filter((one): one is string => typeof one === 'string')
  return (format === 'space_delimited' ? texts.flatMap((text) => text.split(' ')) : texts).filter((text) => text !== '')
}
