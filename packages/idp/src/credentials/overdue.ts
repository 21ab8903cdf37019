import { iso, pageOf, positionOf } from '@rekey/service'
import { sql } from 'kysely'
import type { Config } from '../config.ts'
import { isAfter, microsecondsOf, timedPosition } from '../http/timed-place.ts'
import type { IdpDatabase } from '../tables.ts'
import { serviceAccount, staging } from './policy.ts'

interface Overdue {
  credentialId: string
  agentId: string
  agentName: string | null
  kind: 'client-secret' | 'client-key'
  rotatedAt: number
  /** The same as exact as the list is sorted. */
  rotated: number
  overdueSince: number
}

/** Counting goes no further. */
const mostCounted = 10_000

/**
 * A page of an organization's credentials that are due for rotation and can still be used, those first that were rotated
 * longest ago.
 *
 * @returns with `total`, which is 10,000 for that many and more
 */
export async function overdueCredentials(
  db: IdpDatabase,
  { rotateEveryMs: every }: Config['credentials'],
  organizationId: string,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
) {
  const after = positionOf(cursor, timedPosition)
  const interval = (ms: number) => sql`${`${ms} milliseconds`}::interval`
  const allowed = sql`CASE WHEN agent_type ~* ${serviceAccount.source} THEN ${interval(every.serviceAccount)}
    WHEN deployment_env ~* ${staging.source} THEN ${interval(every.staging)} ELSE ${interval(every.production)} END`
  // The first condition is what the index is read by: nothing younger can be overdue.
  const least = Math.min(...Object.values(every))
  const overdue = sql`FROM credentials JOIN agents USING (agent_id)
    WHERE credentials.status = 'active' AND rotated_at < now() - ${interval(least)} AND rotated_at < now() - ${allowed}
      AND (expires_at IS NULL OR expires_at > now())
      AND agents.status = 'active' AND organization_id = ${organizationId}`
  // Where the page before ended, not its last row: that may have been rotated since, and be the youngest of all.
  const from = after ? sql`AND ${isAfter('rotated_at', 'credential_id', after)}` : sql``
  const { rows } = await sql<Overdue>`
    SELECT credential_id AS "credentialId", agent_id AS "agentId", name AS "agentName", kind, rotated_at AS "rotatedAt",
      ${microsecondsOf('rotated_at')} AS rotated, rotated_at + ${allowed} AS "overdueSince"
    ${overdue} ${from} ORDER BY rotated_at, credential_id LIMIT ${limit + 1}`.execute(db)
  const counted = await sql<{ total: number }>`
    SELECT count(*)::int AS total FROM (SELECT ${overdue} LIMIT ${mostCounted}) counted`.execute(db)
  const page = pageOf(rows, limit, ({ rotated, credentialId }) => [rotated, credentialId])
  return { credentials: page.rows.map(show), nextCursor: page.nextCursor, total: counted.rows[0]?.total ?? 0 }
}

function show({ agentName, rotatedAt, rotated: _, overdueSince, ...same }: Overdue) {
  return {
    ...same,
    agentName: agentName ?? undefined,
    rotatedAt: iso(rotatedAt),
    overdueSince: iso(overdueSince),
  }
}
