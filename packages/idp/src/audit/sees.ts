import { operatorOrganization } from '../agents/organization.ts'
import { IdpError } from '../error.ts'
import type { IdpDatabase } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'

/** Whose events a caller sees: those of his organization; who runs the estate sees those that are of none as well. */
export function sees({ organizationId }: Caller): { organization: string; withUnowned: boolean } {
  return { organization: organizationId, withUnowned: organizationId === operatorOrganization }
}

/** @throws IdpError `FORBIDDEN` */
export function requireOperator({ organizationId }: Caller): void {
  if (organizationId === operatorOrganization) return
  throw new IdpError('FORBIDDEN', 'this is for the organization that runs the estate')
}

/** @throws IdpError `UNKNOWN_EVENT`, or `FORBIDDEN` when it is not the caller's to see */
export async function requireSight(db: IdpDatabase, caller: Caller, eventId: string): Promise<void> {
  const event = await db
    .selectFrom('audit_events')
    .select('organization_id')
    .where('id', '=', eventId)
    .executeTakeFirst()
  if (!event) throw new IdpError('UNKNOWN_EVENT', 'there is no such event')
  const { organization, withUnowned } = sees(caller)
  const isSeen = event.organization_id === null ? withUnowned : event.organization_id === organization
  if (!isSeen) throw new IdpError('FORBIDDEN', 'the event is not of your organization')
}
