/**
 * What somebody has to be told whose store leaked with its root key: which secrets may have lain in it that the remedy does not replace. Of
 * replies it is told whoever might have asked for one by an Idempotency-Key: who did, nobody knows any more.
 */
import type { Plan } from '@rekey/breakglass'
import { type RawBuilder, sql } from 'kysely'
import { longestReplyKeptMs } from '../../http/idempotency.ts'
import type { IdpDatabase } from '../../tables.ts'

const mostNamed = 100

/**
 * @param since from when on the store may have been read, in milliseconds
 */
export async function aboutStoredSecrets(db: IdpDatabase, { sessions }: Plan, since: number): Promise<string[]> {
  const credentials = await namesIn(db, credentialNames(since))
  const clients = await namesIn(db, clientNames(since))
  const found: string[] = []
  if (credentials.length > 0) {
    found.push(
      'The secrets of these credentials (agent/credential) may have lain in the store, in replies that are kept for up to a ' +
        'day where an Idempotency-Key was given, or because their clients sign by them (client_secret_jwt); this remedy does ' +
        `not replace them, so rotate them: ${listed(credentials, 'credential.*')}.`,
    )
  }
  if (clients.length > 0) {
    found.push(
      'The registration access tokens of these clients may have lain in the store, in such replies or until they were first ' +
        'used; this remedy does not replace them, so give the clients new ones ("rekey dcr client renew-token"): ' +
        `${listed(clients, 'registration_token.*')}.`,
    )
  }
  if (!sessions.some((selector) => 'all' in selector)) {
    found.push(
      'Logins of users lay in the store, with all that it takes to go on with them in the place of the user: end all sessions ' +
        '(--revoke-all-before now).',
    )
  }
  return found
}

function credentialNames(since: number): RawBuilder<{ name: string }> {
  return sql`
    SELECT agent_id || '/' || (details ->> 'credentialId') AS name FROM audit_events
    WHERE at >= ${readableFrom(since)} AND action IN ('credential.generated', 'credential.rotated')
      AND outcome = 'success' AND actor <> 'rekey' AND details ->> 'kind' = 'client-secret'
    UNION
    SELECT agent_id || '/' || credential_id FROM credentials
    WHERE status = 'active' AND jsonb_path_exists(document, '$.versions[*].publicPart.sealedSecret')
    ORDER BY 1`
}

/** One that is handed out in a renewal lies there until it is used, and that may be months later. */
function clientNames(since: number): RawBuilder<{ name: string }> {
  return sql`
    SELECT agent_id AS name FROM audit_events
    WHERE at >= ${readableFrom(since)} AND action IN ('registration_token.issued', 'registration_token.renewed')
      AND outcome = 'success'
    UNION
    SELECT client_id FROM registration_access_tokens WHERE sealed_token IS NOT NULL
    ORDER BY 1`
}

/** Of what was told before that moment no reply was kept any more. */
const readableFrom = (since: number) => sql`to_timestamp(${(since - longestReplyKeptMs) / 1_000})`

async function namesIn(db: IdpDatabase, names: RawBuilder<{ name: string }>): Promise<string[]> {
  return (await names.execute(db)).rows.map(({ name }) => name)
}

function listed(names: readonly string[], actions: string): string {
  const more = names.length > mostNamed ? ` and ${names.length - mostNamed} more (see ${actions} in the audit)` : ''
  return names.slice(0, mostNamed).join(', ') + more
}
