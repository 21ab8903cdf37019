import type { DatabaseTables, NullableTime, Time } from '@rekey/database'
import type { Generated, JSONColumnType, Kysely } from 'kysely'

/** The tables of the BFF, beside those that every service has. */
export interface BffTables extends DatabaseTables {
  client_secrets: {
    client_id: string
    fingerprint: string
    first_worked_at: Time
    took_over_at: Time
  }
  sessions: {
    session_id: string
    token_hash: Buffer
    salt_version: string
    sealed_by: string
    binding: Buffer
    ua_hash: Buffer
    ua_version: string
    issuer: string
    sub: string
    sid: string | null
    client_id: string | null
    sealed_tokens: string
    access_expires_at: Time
    refreshing_until: NullableTime
    refreshing_by: string | null
    revision: Generated<number>
    created_at: Time
    expires_at: Time
  }
  session_uses: { session_id: string; last_at: Time; count: number }
  endings: {
    ending_id: Generated<number>
    key: string
    issuer: string | null
    sub: string | null
    before: NullableTime
    at: Time
  }
  used_logout_tokens: { jti_hash: Buffer; used_at: Time }
  links: {
    token_hash: Buffer
    link_id: string
    path: string
    sub: string | null
    claims: JSONColumnType<Record<string, unknown>>
    created_at: Time
    expires_at: Time
    used_at: NullableTime
  }
}

/** Connected to, with the tables of the BFF. */
export type BffDatabase = Kysely<BffTables>
