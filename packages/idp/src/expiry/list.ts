import type { ColumnCipher } from '@rekey/database'
import { iso, isoOrNull, pageOf, positionOf } from '@rekey/service'
import { sql } from 'kysely'
import type { z } from 'zod'
import { openedOf } from '../agents/encrypted.ts'
import { operatorOrganization } from '../agents/organization.ts'
import { isAfter, microsecondsOf, timedPosition } from '../http/timed-place.ts'
import type { IdpDatabase } from '../tables.ts'
import type { ExpiryStatus, expiringCredential } from './schema.ts'
import { type Environment, endedWithin, endsWithin, environment, intervalOf } from './soon.ts'

/** Which are listed. */
interface ExpiringAsked {
  status: ExpiryStatus
  /** Of those that expired: not longer ago than that. */
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
  setUp: boolean
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
 * A page of an organization's credentials that can be used and expire within a time, or that did so and left their agents with none:
 * those first that end first.
 *
 * @param columns open the owner of an agent, who is stored encrypted
 * @returns with `total`, which is 10,000 for that many and more
 */
export async function expiringCredentials(
  db: IdpDatabase,
  organizationId: string,
  asked: ExpiringAsked,
  columns: Pick<ColumnCipher, 'open'>,
) {
  const after = positionOf(asked.cursor, timedPosition)
  const ofThose = asked.environment ? sql`AND ${environment} = ${asked.environment}` : sql``
  const expiring = sql`FROM credentials JOIN agents USING (agent_id)
    WHERE ${isAsked(asked)} AND agents.status = 'active' AND organization_id = ${organizationId} ${ofThose}`
  const from = after ? sql`AND ${isAfter('expires_at', 'credential_id', after)}` : sql``
  const { rows } = await sql<Row>`
    SELECT credential_id AS "credentialId", agent_id AS "agentId", name AS "agentName", owner, set_up AS "setUp", kind,
      ${environment} AS environment, EXISTS (SELECT FROM clients WHERE client_id = agent_id) AS "isRegistered",
      expires_at AS "expiresAt", ${microsecondsOf('expires_at')} AS expires,
      greatest(expires_at - ${intervalOf(asked.withinMs)}, rotated_at) AS "soonSince"
    ${expiring} ${from} ORDER BY expires_at, credential_id LIMIT ${asked.limit + 1}`.execute(db)
  const counted = await sql<{ total: number }>`
    SELECT count(*)::int AS total FROM (SELECT ${expiring} LIMIT ${mostCounted}) counted`.execute(db)
  const page = pageOf(rows, asked.limit, ({ expires, credentialId }) => [expires, credentialId])
  const credentials = page.rows.map((row) => show(row, asked.status, columns))
  const elsewhere =
    organizationId === operatorOrganization ? await countElsewhere(db, organizationId, asked) : undefined
  return { credentials, nextCursor: page.nextCursor, total: counted.rows[0]?.total ?? 0, elsewhere }
}

const isAsked = ({ status, withinMs }: ExpiringAsked) =>
  status === 'expired' ? endedWithin(withinMs) : endsWithin(withinMs)

/**
 * Of other organizations, whose credentials are none of the operator's business. But the gauge and the alert have them, and whoever
 * looks after that must not be told that there is nothing.
 */
async function countElsewhere(db: IdpDatabase, organizationId: string, asked: ExpiringAsked) {
  const ofThose = asked.environment ? sql`AND ${environment} = ${asked.environment}` : sql``
  const { rows } = await sql<{ total: number; first: number | null }>`
    SELECT count(*)::int AS total, min(expires_at) AS first FROM (
      SELECT expires_at FROM credentials JOIN agents USING (agent_id)
      WHERE ${isAsked(asked)} AND agents.status = 'active' AND organization_id <> ${organizationId} ${ofThose}
      ORDER BY expires_at LIMIT ${mostCounted}) counted`.execute(db)
  return { total: rows[0]?.total ?? 0, firstExpiresAt: isoOrNull(rows[0]?.first ?? null) }
}

function show(
  { agentName, owner, setUp, expires: _, expiresAt, soonSince, ...same }: Row,
  status: ExpiryStatus,
  columns: Pick<ColumnCipher, 'open'>,
): z.infer<typeof expiringCredential> {
  const opened = openedOf({ agent_id: same.agentId, set_up: setUp, email: null, owner }, columns)
  return {
    ...same,
    agentName: agentName ?? undefined,
    owner: opened.owner ?? undefined,
    expiresAt: iso(expiresAt),
    soonSince: status === 'expiring' ? iso(soonSince) : undefined,
  }
}
