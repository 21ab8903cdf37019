import { pageOf, positionOf } from '@rekey/service'
import { sql } from 'kysely'
import { isAfter, microsecondsOf, timedPosition } from '../http/timed-place.ts'
import type { IdpDatabase } from '../tables.ts'
import { credentialsIn, storedOf } from './stored.ts'

interface Asked {
  status?: 'active' | 'expired' | 'revoked' | undefined
  limit: number
  cursor?: string | undefined
}

const withStatus = {
  active: sql<boolean>`status = 'active' AND (expires_at IS NULL OR expires_at > now())`,
  expired: sql<boolean>`status = 'active' AND expires_at <= now()`,
  revoked: sql<boolean>`status = 'revoked'`,
}

/** A page of an agent's credentials, oldest first. */
export async function listCredentials(db: IdpDatabase, agentId: string, { status, limit, cursor }: Asked) {
  const after = positionOf(cursor, timedPosition)
  let query = credentialsIn(db).select(microsecondsOf('created_at').as('created')).where('agent_id', '=', agentId)
  if (status) query = query.where(withStatus[status])
  if (after) query = query.where(isAfter('created_at', 'credential_id', after))
  const rows = await query
    .orderBy('created_at')
    .orderBy('credential_id')
    .limit(limit + 1)
    .execute()
  const page = pageOf(rows, limit, ({ created, credential_id }) => [created, credential_id])
  return { credentials: page.rows.map(storedOf), nextCursor: page.nextCursor }
}
