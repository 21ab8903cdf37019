/** The row of a session, and what is sealed in it. */
import type { Sealer } from '@rekey/database'
import type { Selectable } from 'kysely'
import type { Claims, Tokens } from '../provider/provider.ts'
import type { BffDatabase, BffTables } from '../tables.ts'
import type { LiveSession } from './session.ts'

/** What of the provider's tokens is kept. */
export interface KeptTokens {
  readonly accessToken: string
  readonly refreshToken?: string | undefined
  readonly idToken?: string | undefined
  readonly scope?: string | undefined
  readonly claims: Claims
  /** When they came: how long before its end an access token is refreshed depends on how long it lives. */
  readonly obtainedAt: number
}

/** A session as an instance holds it in memory: of the secrets only the one that every request needs. */
export interface HeldSession {
  readonly live: LiveSession
  readonly issuer: string
  readonly tokenHash: Buffer
  readonly saltVersion: string
  readonly sealedBy: string
  readonly binding: Buffer
  readonly obtainedAt: number
  readonly accessExpiresAt: number
  readonly canRefresh: boolean
  /** Of its tokens. */
  readonly revision: number
}

/** Where the tokens of a session are stored: what is sealed for one does not open for another. */
export const recordOf = (id: string): string => `sessions/${id}`

export function sealTokens(sealer: Sealer, id: string, tokens: KeptTokens): string {
  return sealer.seal(recordOf(id), Buffer.from(JSON.stringify(tokens)))
}

/** @throws DatabaseError `ROOT_KEY_MISMATCH`, `SEAL_DAMAGED` */
export function openTokens(sealer: Sealer, id: string, sealed: string): KeptTokens {
  return JSON.parse(sealer.open(recordOf(id), sealed).toString('utf8'))
}

/** What a refresh did not bring is kept as it was. */
export function keptAfter(tokens: Tokens, now: number, before: Partial<KeptTokens> & { claims: Claims }): KeptTokens {
  return {
    accessToken: tokens.accessToken,
    refreshToken: tokens.refreshToken ?? before.refreshToken,
    idToken: tokens.idToken ?? before.idToken,
    scope: tokens.scope ?? before.scope,
    claims: { ...profileIn(before.claims), ...(tokens.claims ?? before.claims) },
    obtainedAt: now,
  }
}

/**
 * What says who the user is (OpenID Connect Core §5.1): providers may leave it out of the ID token of a refresh (§12.2). What the user may
 * do is never kept: where it is left out it is gone.
 */
const profile = [
  ...[
    'name',
    'given_name',
    'family_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
    'website',
  ],
  ...['email', 'email_verified', 'gender', 'birthdate', 'zoneinfo', 'locale', 'phone_number', 'phone_number_verified'],
  ...['address', 'updated_at'],
]

function profileIn(claims: Claims): Partial<Claims> {
  return Object.fromEntries(profile.flatMap((name) => (name in claims ? [[name, claims[name]]] : [])))
}

export async function readSession(db: BffDatabase, sealer: Sealer, id: string): Promise<HeldSession | undefined> {
  const row = await db.selectFrom('sessions').selectAll().where('session_id', '=', id).executeTakeFirst()
  return row && heldOf(row, openTokens(sealer, id, row.sealed_tokens))
}

function heldOf(row: Selectable<BffTables['sessions']>, tokens: KeptTokens): HeldSession {
  const { accessToken, claims, obtainedAt, refreshToken } = tokens
  return {
    live: { id: row.session_id, sub: row.sub, claims, accessToken, expiresAt: row.expires_at },
    issuer: row.issuer,
    tokenHash: row.token_hash,
    saltVersion: row.salt_version,
    sealedBy: row.sealed_by,
    binding: row.binding,
    obtainedAt,
    accessExpiresAt: row.access_expires_at,
    canRefresh: refreshToken !== undefined,
    revision: row.revision,
  }
}
