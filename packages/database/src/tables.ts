import type { ColumnType, Generated, JSONColumnType } from 'kysely'
import type { LegacyForm } from './columns/form.ts'

/** A point in time: read as milliseconds since the epoch, written as a Date. */
export type Time = ColumnType<number, Date | undefined, Date>
export type NullableTime = ColumnType<number | null, Date | null | undefined, Date | null>

/** The tables of this package. A service adds its own to them: `Kysely<DatabaseTables & ItsTables>`. */
export interface DatabaseTables {
  revision: { one: Generated<boolean>; epoch: number; n: number }
  changes: { revision: number; topic: string; key: string; at: Time }
  keyrings: {
    name: string
    kind: string
    revision: number
    published_revision: number
    document: JSONColumnType<Record<string, unknown>>
    next_decision_at: NullableTime
  }
  instances: {
    id: string
    address: string
    applied: number
    started_at: Time
    lease_until: Time
    /** Null where a release wrote the row that does not say. */
    root_keys: string[] | null
  }
  root_keys: { id: string; n: Generated<number>; since: Time }
  audit_events: {
    id: Generated<string>
    inserted: Generated<number>
    at: Time
    action: string
    outcome: string
    actor: string
    agent_id: string | null
    organization_id: string | null
    details: JSONColumnType<Record<string, unknown>>
  }
  audit_waiting: { inserted: number; since: Time }
  audit_chain: { seq: number; event_id: string; hash: Buffer; text: string }
  audit_nodes: { level: number; index: number; hash: Buffer }
  column_versions: { id: string; is_open: boolean; closed_in: string | null; settled_from: string | null }
  column_forms: { form: LegacyForm; state: 'open' | 'closing' | 'closed'; by: string; since: Time }
  column_sweeps: {
    table_name: string
    column_name: string
    version: Generated<string>
    row_id: string | null
    in_pass: Generated<number>
    moved: Generated<number>
    refused: Generated<number>
    per_second: number | null
    next_at: Time
    by: string
    began_at: Time
    ended_at: NullableTime
  }
  audit_checkpoints: { size: number; root: Buffer; head: Buffer; note: string; at: Time }
}
