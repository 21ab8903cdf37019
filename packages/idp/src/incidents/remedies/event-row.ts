import { sql } from 'kysely'

/** An event of the audit, as remedies read it. */
export interface EventRow {
  id: string
  /** Its place in the order in which events were written down. */
  inserted: number
  /** Milliseconds since the epoch. */
  at: number
  action: string
  outcome: string
  actor: string
  agentId: string | null
  organizationId: string | null
  details: Record<string, unknown>
}

/** SELECT … FROM: what an {@link EventRow} is read by. */
export const selectEvents = sql`
  SELECT id, inserted, at, action, outcome, actor, agent_id AS "agentId", organization_id AS "organizationId", details
  FROM audit_events`
