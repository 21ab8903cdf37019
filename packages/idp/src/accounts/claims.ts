import { lineOf } from '@rekey/service'
import { z } from 'zod'
import { scopeToken } from '../tokens/scopes.ts'
import type { Account } from './account.ts'

const text = lineOf(200)
const roles = z
  .array(z.string().max(100).regex(scopeToken, 'no role'))
  .max(100)
  .transform((names) => [...new Set(names)])

/** What can be said of an account. */
export const description = {
  name: text,
  givenName: text,
  familyName: text,
  email: z.email().max(320),
  emailVerified: z.boolean(),
  picture: z.url({ protocol: /^https$/ }).max(1_000),
  locale: text,
  zoneinfo: text,
  roles,
}

const said = z.object(description).partial()
const changed = z.object({ ...mapNullish(description) })
export type Description = z.infer<typeof said>
/** What is not named stays, null clears. */
export type ChangedDescription = z.infer<typeof changed>
export const changedDescription = changed.shape

function mapNullish<Shape extends Readonly<Record<string, z.ZodType>>>(shape: Shape) {
  return Object.fromEntries(Object.entries(shape).map(([name, type]) => [name, type.nullish()])) as {
    [Name in keyof Shape]: z.ZodOptional<z.ZodNullable<Shape[Name]>>
  }
}

/** How a member is called as a claim (OpenID Connect Core §5.1), which is how it is stored. */
const claimNames = {
  name: 'name',
  givenName: 'given_name',
  familyName: 'family_name',
  email: 'email',
  emailVerified: 'email_verified',
  picture: 'picture',
  locale: 'locale',
  zoneinfo: 'zoneinfo',
  roles: 'roles',
} as const satisfies Record<keyof Description, string>
const members = Object.entries(claimNames) as [keyof Description, string][]

/** The claims of an account once a description has changed them. */
export function claimsAfter(before: Account['claims'], said: ChangedDescription): Account['claims'] {
  const named = members.filter(([member]) => said[member] !== undefined)
  const changes = Object.fromEntries(named.map(([member, claim]) => [claim, said[member]]))
  // Whoever verified the old address did not verify this one.
  const verified = 'email' in changes ? { email_verified: null } : {}
  return Object.fromEntries(
    Object.entries({ ...before, ...verified, ...changes }).filter(([, value]) => value !== null),
  )
}

export function describedBy(claims: Account['claims']): Description {
  const said = members.filter(([, claim]) => claims[claim] !== undefined)
  return Object.fromEntries(said.map(([member, claim]) => [member, claims[claim]]))
}

/** The scopes for users, and the claims that each opens (OpenID Connect Core §5.4), as the provider's configuration wants them. */
export const claimsByScope = {
  profile: ['name', 'given_name', 'family_name', 'preferred_username', 'picture', 'locale', 'zoneinfo', 'updated_at'],
  email: ['email', 'email_verified'],
  roles: ['roles'],
} as const

/** @param scopes those that were granted; others than for users open nothing */
export function claimsOfAccount(account: Account, scopes: Iterable<string>): { sub: string } & Record<string, unknown> {
  const known: Record<string, unknown> = {
    ...account.claims,
    preferred_username: account.username,
    updated_at: Math.floor(account.changed_at / 1_000),
  }
  const wanted = new Set(scopes)
  const opened = Object.entries(claimsByScope).flatMap(([scope, claims]) => (wanted.has(scope) ? claims : []))
  const held = opened.filter((claim) => known[claim] !== undefined)
  return { ...Object.fromEntries(held.map((claim) => [claim, known[claim]])), sub: account.account_id }
}
