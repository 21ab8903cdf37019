import { iso, pageOf, positionOf } from '@rekey/service'
import { sql } from 'kysely'
import type { z } from 'zod'
import { isAfter, microsecondsOf, timedPosition } from '../http/timed-place.ts'
import type { IdpDatabase } from '../tables.ts'
import type { expiringCredential } from './schema.ts'
import { type Environment, endsWithin, environment, intervalOf } from './soon.ts'

/** Which are listed. */
export interface ExpiringAsked {
  withinMs: number
  environment?: Environment | undefined
  limit: number
  cursor?: string | undefined
}

interface Row {
  credentialId: string
  agentId: string
  agentName: string | null
  owner: string | null
  kind: 'client-secret' | 'client-key'
  environment: Environment
  isRegistered: boolean
  expiresAt: number
  soonSince: number
  /** The first of these as exact as the list is sorted. */
  expires: number
}

/** Counting goes no further. */
const mostCounted = 10_000

/**
 * A page of an organization's credentials that can be used and expire within a time, those first that do so first.
 *
 * @param ownerOf opens what is stored as the owner of an agent
 * @returns with `total`, which is 10,000 for that many and more
 */
export async function expiringCredentials(
  db: IdpDatabase,
  organizationId: string,
  asked: ExpiringAsked,
  ownerOf: (agentId: string, stored: string) => string = (_agentId, stored) => stored,
) {
  const after = positionOf(asked.cursor, timedPosition)
  const ofThose = asked.environment ? sql`AND ${environment} = ${asked.environment}` : sql``
  const expiring = sql`FROM credentials JOIN agents USING (agent_id)
    WHERE ${endsWithin(asked.withinMs)} AND agents.status = 'active' AND organization_id = ${organizationId} ${ofThose}`
  const from = after ? sql`AND ${isAfter('expires_at', 'credential_id', after)}` : sql``
  const { rows } = await sql<Row>`
    SELECT credential_id AS "credentialId", agent_id AS "agentId", name AS "agentName", owner, kind,
      ${environment} AS environment, EXISTS (SELECT FROM clients WHERE client_id = agent_id) AS "isRegistered",
      expires_at AS "expiresAt", ${microsecondsOf('expires_at')} AS expires,
      greatest(expires_at - ${intervalOf(asked.withinMs)}, rotated_at) AS "soonSince"
    ${expiring} ${from} ORDER BY expires_at, credential_id LIMIT ${asked.limit + 1}`.execute(db)
  const counted = await sql<{ total: number }>`
    SELECT count(*)::int AS total FROM (SELECT ${expiring} LIMIT ${mostCounted}) counted`.execute(db)
  const page = pageOf(rows, asked.limit, ({ expires, credentialId }) => [expires, credentialId])
  const credentials = page.rows.map((row) => show(row, ownerOf))
  return { credentials, nextCursor: page.nextCursor, total: counted.rows[0]?.total ?? 0 }
}

function show(
  { agentName, owner, expires: _, expiresAt, soonSince, ...same }: Row,
  ownerOf: (agentId: string, stored: string) => string,
): z.infer<typeof expiringCredential> {
  return {
    ...same,
    agentName: agentName ?? undefined,
    owner: owner === null ? undefined : ownerOf(same.agentId, owner),
    expiresAt: iso(expiresAt),
    soonSince: iso(soonSince),
  }
}
