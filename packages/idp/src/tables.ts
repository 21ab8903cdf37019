import type { DatabaseTables, NullableTime, Time } from '@rekey/database'
import type { ColumnType, Generated, Kysely } from 'kysely'
import type { DenyKind } from './denied/entry.ts'
import type { Move } from './issuance/store.ts'

/** The tables of the identity provider, beside those that every service has. */
export interface IdpTables extends DatabaseTables {
  agents: {
    agent_id: string
    organization_id: string
    name: string | null
    email: string | null
    agent_type: string | null
    version: string | null
    capabilities: Generated<string[]>
    owner: string | null
    deployment_env: string | null
    status: Generated<string>
    scopes: Generated<string[]>
    created_at: Time
  }
  credentials: {
    credential_id: string
    agent_id: string
    secret_hash: Buffer
    status: Generated<string>
    created_at: Time
    expires_at: NullableTime
  }
  opaque_tokens: { token_hash: Buffer; agent_id: string; scope: string; issued_at: Time; expires_at: Time }
  verifiers: { client_id: string; name: string; secret_hash: Buffer; created_at: Time }
  verifier_leases: {
    client_id: string
    instance: string
    epoch: number
    n: number
    library: string
    algorithms: string[]
    lease_until: Time
    accepts_until: Time
    seen_at: Time
    behind_since: NullableTime
    granted_at: NullableTime
  }
  denied: {
    kind: DenyKind
    value: string
    issued_before: NullableTime
    ends_at: Time
    revision: number
    dropped: Generated<boolean>
  }
  denied_newest: { one: Generated<boolean>; revision: number }
  issuance: {
    one: Generated<boolean>
    keyring: string
    revision: number
    move: ColumnType<Move | null, string | null, string | null>
  }
}

export type IdpDatabase = Kysely<IdpTables>
