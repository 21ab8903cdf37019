import { sql } from 'kysely'
import { z } from 'zod'
import { pageOf, positionOf } from '../http/page.ts'
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
  const after = positionOf(cursor, z.string().max(200))
  let query = credentialsIn(db).where('agent_id', '=', agentId)
  if (status) query = query.where(withStatus[status])
  // Credentials are never deleted: the row itself tells where the page before ended.
  if (after !== undefined) {
    query = query.where(sql<boolean>`(created_at, credential_id) >
      (SELECT created_at, credential_id FROM credentials WHERE credential_id = ${after} AND agent_id = ${agentId})`)
  }
  const rows = await query
    .orderBy('created_at')
    .orderBy('credential_id')
    .limit(limit + 1)
    .execute()
  const page = pageOf(rows, limit, (row) => row.credential_id)
  return { credentials: page.rows.map(storedOf), nextCursor: page.nextCursor }
}
