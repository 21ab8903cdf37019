import type { Transaction } from 'kysely'
import type { DatabaseTables } from '../tables.ts'

/** One thing that happened. `details` never holds a secret. */
export interface AuditEvent {
  /** For example `agent.created`, `keyring.activated`. */
  action: string
  outcome: 'success' | 'refused' | 'failed'
  /** Who did it: a client id, or `rekey` for what Rekey does by itself. */
  actor: string
  agentId?: string
  organizationId?: string
  details: Record<string, unknown>
}

/** Adds an event in the transaction of the change that it tells of: there is neither without the other. */
export async function recordEvent<T extends DatabaseTables>(
  transaction: Transaction<T>,
  event: AuditEvent,
): Promise<void> {
  await (transaction as unknown as Transaction<DatabaseTables>)
    .insertInto('audit_events')
    .values({
      action: event.action,
      outcome: event.outcome,
      actor: event.actor,
      agent_id: event.agentId ?? null,
      organization_id: event.organizationId ?? null,
      details: JSON.stringify(event.details),
    })
    .execute()
}
