import type { DatabaseTables, EventFilter } from '@rekey/database'
import { type Kysely, sql } from 'kysely'
import { ServiceError } from '../../error.ts'

/** Whose events somebody sees. Who sees those that belong to nobody runs the estate. */
export type Sight = Pick<EventFilter, 'organization' | 'withUnowned'>

/** @throws ServiceError `FORBIDDEN` */
export function requireOperator({ withUnowned }: Sight): void {
  if (withUnowned) return
  throw new ServiceError('FORBIDDEN', 'this is for the organization that runs the estate')
}

/** @throws ServiceError `UNKNOWN_EVENT`, or `FORBIDDEN` when it is not to be seen */
export async function requireSeen<Tables extends DatabaseTables>(
  db: Kysely<Tables>,
  { organization, withUnowned }: Sight,
  eventId: string,
): Promise<void> {
  const { rows } = await sql<{ owner: string | null }>`
    SELECT organization_id AS owner FROM audit_events WHERE id = ${eventId}`.execute(db)
  const [event] = rows
  if (!event) throw new ServiceError('UNKNOWN_EVENT', 'there is no such event')
  const isSeen = event.owner === null ? withUnowned : organization === undefined || event.owner === organization
  if (!isSeen) throw new ServiceError('FORBIDDEN', 'the event is not of your organization')
}
