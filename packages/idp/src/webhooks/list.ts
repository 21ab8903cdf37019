import { pageOf, positionOf } from '@rekey/service'
import { isAfter, microsecondsOf, timedPosition } from '../http/timed-place.ts'
import type { IdpDatabase } from '../tables.ts'

/** A page of the subscriptions of an organization, the oldest first. */
export async function listWebhooks(
  db: IdpDatabase,
  organizationId: string,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
) {
  const after = positionOf(cursor, timedPosition)
  let query = db
    .selectFrom('webhooks')
    .selectAll()
    .select(microsecondsOf('created_at').as('created'))
    .where('organization_id', '=', organizationId)
  if (after) query = query.where(isAfter('created_at', 'webhook_id', after))
  const rows = await query
    .orderBy('created_at')
    .orderBy('webhook_id')
    .limit(limit + 1)
    .execute()
  return pageOf(rows, limit, ({ created, webhook_id }) => [created, webhook_id])
}
