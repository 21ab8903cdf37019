import { recordEvents } from '@rekey/database'
import { iso } from '@rekey/service'
import { sql, type Transaction } from 'kysely'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import { type Environment, endsWithin, environment } from './soon.ts'

/** So many are told of in one transaction. */
const batchSize = 500

/** Where a pass is: it goes through what expires in the order in which that happens. */
export interface Place {
  expires_at: string
  credential_id: string
}

export const beginning: Place = { expires_at: '-infinity', credential_id: '' }

interface Expiring {
  credentialId: string
  agentId: string
  organizationId: string
  kind: 'client-secret' | 'client-key'
  version: string
  environment: Environment
  expiresAt: number
}

/**
 * Tells of every credential that expires soon, once for each version: by an event `credential.expiring_soon`, from which webhooks
 * are sent. The event and the note that it was told are one transaction, a batch at a time. So a pass that is cut short is
 * carried on by the next one; and of several at once each tells of what no other one has under its hands.
 *
 * What is rotated, revoked or suspended in time is not told of.
 *
 * @param isWanted asked before each batch
 * @returns of how many it told, and whether it was cut short
 */
export async function tellOfExpiring(
  db: IdpDatabase,
  warningMs: number,
  isWanted: () => boolean = () => true,
): Promise<{ told: number; isCutShort: boolean }> {
  let told = 0
  let place: Place | undefined = beginning
  while (place && isWanted()) {
    const after: Place = place
    const batch = await db.transaction().execute((transaction) => tellOfBatch(transaction, warningMs, after))
    told += batch.told
    place = batch.place
  }
  return { told, isCutShort: place !== undefined }
}

/** @returns where the batch ended; undefined when nothing comes after it */
async function tellOfBatch(transaction: Transaction<IdpTables>, warningMs: number, after: Place) {
  const { rows } = await takeBatch(warningMs, after).execute(transaction)
  await recordEvents(transaction, rows.flatMap(({ expiring }) => expiring ?? []).map(eventOf))
  const told = rows.filter(({ expiring }) => expiring).length
  return { told, place: rows.length < batchSize ? undefined : rows.at(-1)?.place }
}

/**
 * Takes the next batch and notes that it is told of. Nobody is waited for: what another transaction holds is being told of
 * there, or is being rotated or revoked, and is looked at again by the next pass. One whose agent is not active is passed by, so
 * that it is told of when it is active again.
 */
export const takeBatch = (warningMs: number, after: Place, size = batchSize) => sql<{
  place: Place
  expiring: Expiring | null
}>`
  WITH batch AS MATERIALIZED (
    SELECT credential_id, expires_at FROM credentials
    WHERE ${endsWithin(warningMs)} AND expiry_told IS DISTINCT FROM rotated_at
      AND (expires_at, credential_id) > (${after.expires_at}::timestamptz, ${after.credential_id})
    ORDER BY expires_at, credential_id LIMIT ${size} FOR UPDATE SKIP LOCKED
  ), told AS (
    UPDATE credentials SET expiry_told = rotated_at FROM batch, agents
    WHERE credentials.credential_id = batch.credential_id AND agents.agent_id = credentials.agent_id
      AND agents.status = 'active'
    RETURNING credentials.credential_id, credentials.agent_id, agents.organization_id, credentials.kind, ${environment} AS environment,
      -- A row of a release that knew no documents has one version, which is called so.
      coalesce(jsonb_path_query_first(credentials.document, '$.versions[*] ? (@.state == "active").id') #>> '{}', 'first') AS version
  )
  SELECT json_build_object('expires_at', batch.expires_at::text, 'credential_id', batch.credential_id) AS place,
    CASE WHEN told.credential_id IS NOT NULL THEN json_build_object('credentialId', told.credential_id,
      'agentId', told.agent_id, 'organizationId', told.organization_id, 'kind', told.kind, 'version', told.version,
      'environment', told.environment, 'expiresAt', (extract(epoch FROM batch.expires_at) * 1000)::bigint) END AS expiring
  FROM batch LEFT JOIN told USING (credential_id) ORDER BY batch.expires_at, batch.credential_id`

/** Whom it concerns stands in the description of the agent: who owns it is not for the audit, which forgets nothing. */
function eventOf({ agentId, organizationId, expiresAt, ...details }: Expiring) {
  return {
    action: 'credential.expiring_soon',
    outcome: 'success' as const,
    actor: 'rekey',
    agentId,
    organizationId,
    details: { ...details, expiresAt: iso(expiresAt) },
  }
}
