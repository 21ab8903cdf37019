/**
 * Replies that are kept for a minute for whoever asks again by the same Idempotency-Key: those that tell a client secret lay in
 * the store, sealed.
 */
import { rootIdIn } from '@rekey/database'
import { sql } from 'kysely'
import { replyKeptForMs } from '../../http/idempotency.ts'
import type { IdpDatabase } from '../../tables.ts'

const mostNamed = 100

/** Whoever has the older root key could read them to the end of their minute. */
export async function forgetReplies(db: IdpDatabase, newestRootKey: string): Promise<void> {
  await db.deleteFrom('idempotent_replies').where(rootIdIn('sealed_reply'), '<>', newestRootKey).execute()
}

/**
 * What somebody has to be told whose store leaked with its root key: which secrets may have lain in it. Whether they were asked
 * for by an Idempotency-Key nobody knows any more.
 *
 * @param since from when on the store may have been read, in milliseconds
 */
export async function aboutReplies(db: IdpDatabase, since: number): Promise<string[]> {
  const from = (since - replyKeptForMs) / 1_000
  const { rows } = await sql<{ name: string }>`
    SELECT DISTINCT agent_id || '/' || (details ->> 'credentialId') AS name FROM audit_events
    WHERE at >= to_timestamp(${from}) AND action IN ('credential.generated', 'credential.rotated')
      AND outcome = 'success' AND actor <> 'rekey' AND details ->> 'kind' = 'client-secret'
    ORDER BY 1`.execute(db)
  if (rows.length === 0) return []
  const named = rows.slice(0, mostNamed).map(({ name }) => name)
  const more = rows.length > mostNamed ? ` and ${rows.length - mostNamed} more (see credential.* in the audit)` : ''
  return [
    'The secrets of these credentials (agent/credential) may have lain in the store, in replies that are kept for a minute ' +
      `where an Idempotency-Key was given; this remedy does not replace them, so rotate them: ${named.join(', ')}${more}.`,
  ]
}
