import type { EndedSessions, Plan, StepRecord, TimelineEntry } from '@rekey/breakglass'
import type { DatabaseTables, NullableTime, Time } from '@rekey/database'
import type { ClientKeyring } from '@rekey/keyring'
import type { ColumnType, Generated, JSONColumnType, Kysely } from 'kysely'
import type { DenyKind } from './denied/entry.ts'
import type { Move } from './issuance/store.ts'
import type { ClientKeySet, ClientMetadata } from './registration/stored.ts'

/** The tables of the identity provider, beside those that every service has. */
export interface IdpTables extends DatabaseTables {
  agents: {
    agent_id: string
    organization_id: string
    name: string | null
    /** Encrypted, as `owner` is. */
    email: string | null
    agent_type: string | null
    version: string | null
    capabilities: Generated<string[]>
    owner: string | null
    /** Made when an estate was set up. */
    set_up: Generated<boolean>
    deployment_env: string | null
    status: Generated<string>
    scopes: Generated<string[]>
    created_at: Time
    changed_at: Time
  }
  credentials: {
    credential_id: string
    agent_id: string
    kind: Generated<'client-secret' | 'client-key'>
    status: Generated<string>
    created_at: Time
    /** Of the active version. */
    expires_at: NullableTime
    rotated_at: Time
    revision: Generated<number>
    /** Its keyring; null where a release that knew none wrote the row: then `secret_hash` is its only version. */
    document: JSONColumnType<ClientKeyring> | null
    next_decision_at: NullableTime
    untidy: Generated<boolean>
    /** The `rotated_at` of the version of which it was told that it expires soon. */
    expiry_told: NullableTime
    /** The same as in the document: a release that knows no documents goes by it. Null where the secret is kept elsewhere. */
    secret_hash: Buffer | null
  }
  credential_uses: {
    credential_id: string
    version: string
    address: string
    first_at: Time
    last_at: Time
    count: number
  }
  idempotent_replies: {
    caller: string
    key_hash: Buffer
    request_hash: Buffer
    revision: number
    sealed_reply: string
    at: Time
  }
  used_assertions: { client_id: string; jti_hash: Buffer; expires_at: Time }
  opaque_tokens: {
    token_hash: Buffer
    agent_id: string
    scope: string
    issued_at: Time
    expires_at: Time
    /** By which it was asked for. */
    credential_id: string | null
  }
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
    /** The client that revoked it as its own. */
    denied_by: string | null
    /** What `issued_before` would be without the suspension of an agent; null where none raised it. */
    unsuspended_before: NullableTime
  }
  incidents: {
    incident: string
    plan: JSONColumnType<Plan>
    steps: JSONColumnType<StepRecord[]>
    timeline: JSONColumnType<TimelineEntry[]>
    opened_at: Time
    opened_by: string
    frozen: boolean
    frozen_at: NullableTime
    unfrozen_at: NullableTime
    unfrozen_by: string | null
    /** Who carries it out, and until when that is so without his saying so again. */
    runner: string | null
    runner_until: NullableTime
    runner_client: string | null
    /** A token signed by the compromised key, sealed. */
    sealed_probe: string | null
    probe_jti: string | null
    /** What was ended last, so that a repeat ends the same. */
    sessions_ended: ColumnType<EndedSessions | null, string | null, string | null>
    /** The newest evidence, where an instance sealed it. */
    evidence: Buffer | null
  }
  clients: {
    client_id: string
    profile: string
    metadata: JSONColumnType<ClientMetadata>
    revision: Generated<number>
    registered_at: Time
    changed_at: Time
    deleted_at: NullableTime
    fetch_uri: string | null
    fetch_attempted_at: NullableTime
    fetch_attempted_before: NullableTime
    fetch_runs_until: NullableTime
    fetched_jwks: ColumnType<ClientKeySet | null, string | null, string | null>
    fetched_at: NullableTime
    fetched_fresh_until: NullableTime
  }
  client_kids: { client_id: string; kid: string; thumbprint: string; claimed_at: Time }
  initial_access_tokens: {
    token_id: string
    token_hash: Buffer
    organization_id: string
    label: string
    profile: string | null
    client_id: string | null
    max_usages: number
    used: Generated<number>
    created_by: string
    created_at: Time
    expires_at: Time
    revoked_at: NullableTime
  }
  registration_access_tokens: {
    token_hash: Buffer
    client_id: string
    state: 'active' | 'pending' | 'superseded'
    issued_at: Time
    expires_at: Time
    sealed_token: string | null
  }
  accounts: {
    account_id: string
    organization_id: string
    username: string
    password_hash: string
    status: Generated<'active' | 'disabled'>
    claims: ColumnType<Record<string, unknown>, string | undefined, string>
    created_at: Time
    changed_at: Time
    password_changed_at: Time
    logins_since: Time
  }
  revocations: {
    revocation_id: Generated<string>
    at: Time
    written_in: Generated<string>
    kind: string
    key: string
    state: JSONColumnType<Record<string, unknown>>
  }
  login_attempts: { key_hash: Buffer; count: number; since: Time; succeeded_at: NullableTime }
  oidc_state: {
    model: string
    id_hash: Buffer
    sealed: string | null
    grant_hash: Buffer | null
    uid_hash: Buffer | null
    account_id: string | null
    client_id: string | null
    sids: string[] | null
    sid_clients: string[] | null
    line: Buffer | null
    generation: number | null
    issued_at: Time
    expires_at: Time
    consumed_at: NullableTime
  }
  backchannel_logouts: {
    logout_id: Generated<string>
    client_id: string
    account_id: string
    sid: string
    attempts: Generated<number>
    due_at: Time
    ends_at: Time
  }
  webhooks: {
    webhook_id: string
    organization_id: string
    name: string
    /** Encrypted. */
    url: string
    /** Names of actions, and patterns. */
    events: string[]
    status: Generated<'active' | 'paused' | 'disabled'>
    /** Why it is disabled. */
    reason: string | null
    created_by: string
    created_at: Time
    changed_at: Time
    revision: Generated<number>
    /** The keyring of its secrets. */
    document: JSONColumnType<ClientKeyring>
    next_decision_at: NullableTime
    /** Since when every attempt failed. */
    failing_since: NullableTime
  }
  webhook_secrets: {
    /** The id of the version. */
    secret_id: string
    webhook_id: string
    /** Encrypted. */
    sealed_secret: string
    /** When its receiver said that it has it. */
    confirmed_at: NullableTime
  }
  webhook_deliveries: {
    delivery_id: string
    webhook_id: string
    /** The place of the event in the audit's chain. */
    seq: number
    action: string
    status: Generated<'pending' | 'delivered' | 'dead_letter'>
    attempts: Generated<number>
    created_at: Time
    next_at: NullableTime
    ended_at: NullableTime
    last_status: number | null
    last_error: string | null
  }
  webhook_cursor: { one: Generated<boolean>; seq: number }
  column_sweeping: {
    one: Generated<boolean>
    is_paused: boolean
    per_second: number | null
    by: string
    since: Time
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
