import type { Transaction } from 'kysely'
import type { DatabaseTables } from '../tables.ts'
import { ownTables } from './own-tables.ts'

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
export function recordEvent<T extends DatabaseTables>(transaction: Transaction<T>, event: AuditEvent): Promise<void> {
  return recordEvents(transaction, [event])
}

/** Adds several, in their order. */
export async function recordEvents<T extends DatabaseTables>(
  transaction: Transaction<T>,
  events: readonly AuditEvent[],
): Promise<void> {
  if (events.length > 0) await insertion(transaction, events).execute()
}

/** The statement that adds events; another one may have it as a part. */
export function insertion<T extends DatabaseTables>(transaction: Transaction<T>, events: readonly AuditEvent[]) {
  return ownTables(transaction).insertInto('audit_events').values(events.map(rowOf))
}

/**
 * Adds an event that was written down elsewhere first. One that is there already under this id stays as it is, so that
 * it may be delivered any number of times.
 *
 * @param id a UUID
 * @param at when it happened, in milliseconds since the epoch
 */
export async function recordEventAs<T extends DatabaseTables>(
  transaction: Transaction<T>,
  id: string,
  at: number,
  event: AuditEvent,
): Promise<void> {
  await ownTables(transaction)
    .insertInto('audit_events')
    .values({ ...rowOf(event), id, at: new Date(at) })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
}

function rowOf(event: AuditEvent) {
  return {
    action: event.action,
    outcome: event.outcome,
    actor: event.actor,
    agent_id: event.agentId ?? null,
    organization_id: event.organizationId ?? null,
    details: JSON.stringify(event.details),
  }
}
