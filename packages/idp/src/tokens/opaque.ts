import { randomBytes } from 'node:crypto'
import { recordEvent } from '@rekey/database'
import { sql } from 'kysely'
import type { ClientCredential } from '../agents/credentials.ts'
import { hashSecret } from '../agents/secret.ts'
import type { IdpDatabase } from '../tables.ts'

/** Who calls, by an opaque token, and what the token allows. */
export interface Caller {
  clientId: string
  organizationId: string
  scopes: ReadonlySet<string>
}

/** Lets a leaked token be recognised by its shape. */
const prefix = 'rkt_'

/** Issues an opaque token: 256 random bits, of which only the SHA-256 is stored. Each is an event of the audit. */
export async function issueOpaqueToken(
  db: IdpDatabase,
  client: ClientCredential,
  scope: string,
  ttlMs: number,
): Promise<string> {
  const token = prefix + randomBytes(32).toString('base64url')
  await db.transaction().execute(async (transaction) => {
    await sql`
      INSERT INTO opaque_tokens (token_hash, agent_id, scope, expires_at)
      VALUES (${hashSecret(token)}, ${client.clientId}, ${scope}, now() + ${`${ttlMs} milliseconds`}::interval)
    `.execute(transaction)
    await recordEvent(transaction, {
      action: 'token.issued',
      outcome: 'success',
      actor: client.clientId,
      agentId: client.clientId,
      organizationId: client.organizationId,
      details: { scope, form: 'opaque' },
    })
  })
  return token
}

/**
 * Looks an opaque token up. It is read from the database each time: what administers must not outlive its withdrawal by
 * so much as a cache.
 *
 * @returns `undefined` when it is no opaque token, unknown, expired, or its agent is not active
 */
export async function callerOf(db: IdpDatabase, token: string): Promise<Caller | undefined> {
  if (!token.startsWith(prefix)) return undefined
  const row = await db
    .selectFrom('opaque_tokens')
    .innerJoin('agents', 'agents.agent_id', 'opaque_tokens.agent_id')
    .select(['agents.agent_id', 'organization_id', 'scope'])
    .where('token_hash', '=', hashSecret(token))
    .where('opaque_tokens.expires_at', '>', sql<Date>`now()` as never)
    .where('agents.status', '=', 'active')
    .executeTakeFirst()
  if (!row) return undefined
  return { clientId: row.agent_id, organizationId: row.organization_id, scopes: new Set(row.scope.split(' ')) }
}

/** Deletes tokens that have expired. */
export async function pruneOpaqueTokens(db: IdpDatabase): Promise<void> {
  await sql`DELETE FROM opaque_tokens WHERE expires_at < now()`.execute(db)
}
