import { randomBytes } from 'node:crypto'
import { recordEvent } from '@rekey/database'
import { isAcceptedAt } from '@rekey/keyring'
import { transact } from '@rekey/service'
import { sql, type Transaction } from 'kysely'
import type { HeldKey } from '../credentials/client.ts'
import { isGood } from '../credentials/judge.ts'
import { thumbprintOf } from '../credentials/key.ts'
import { hashSecret } from '../credentials/secret.ts'
import { credentialColumns, storedOf } from '../credentials/stored.ts'
import { OAuthError } from '../error.ts'
import { keySetId, registeredKeys } from '../registration/keys/held.ts'
import { registrationColumns, registrationOf } from '../registration/stored.ts'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import type { Authenticated } from './authentication/authenticate.ts'

/** Who calls, by an opaque token, and what the token allows. */
export interface Caller {
  clientId: string
  organizationId: string
  scopes: ReadonlySet<string>
}

/** Lets a leaked token be recognised by its shape. */
const prefix = 'rkt_'

export function isOpaque(token: string): boolean {
  return token.startsWith(prefix)
}

/**
 * Issues an opaque token: 256 random bits, of which only the SHA-256 is stored. Each is an event of the audit.
 *
 * @throws OAuthError `invalid_client` when the agent, its scope, the credential or the version that was presented came to its end
 *   since it was read: whoever ends one ends its tokens too, and must not overlook this one
 */
export async function issueOpaqueToken(
  db: IdpDatabase,
  { client, held }: Authenticated,
  scope: string,
  ttlMs: number,
): Promise<string> {
  const { clientId, organizationId } = client
  const token = prefix + randomBytes(32).toString('base64url')
  await transact(db, async (transaction) => {
    await lockGranted(transaction, clientId, held, scope)
    await sql`
      INSERT INTO opaque_tokens (token_hash, agent_id, credential_id, scope, expires_at)
      VALUES (${hashSecret(token)}, ${clientId}, ${held.credentialId}, ${scope},
        now() + ${`${ttlMs} milliseconds`}::interval)`.execute(transaction)
    await recordEvent(transaction, {
      action: 'token.issued',
      outcome: 'success',
      actor: clientId,
      agentId: clientId,
      organizationId,
      details: { scope, form: 'opaque', credentialId: held.credentialId },
    })
  })
  return token
}

/** Whoever ends what a token hangs on waits until it is there to be found. */
async function lockGranted(
  transaction: Transaction<IdpTables>,
  clientId: string,
  held: Authenticated['held'],
  scope: string,
): Promise<void> {
  const isHeld =
    'kid' in held && held.credentialId === keySetId(clientId)
      ? isRegistered(await lockRegistration(transaction, clientId, scope), clientId, held)
      : isAcceptedIn(await lockCredential(transaction, clientId, held.credentialId, scope), held.version)
  if (!isHeld) throw new OAuthError('invalid_client', 'client authentication failed')
}

const clockNow = sql<number>`clock_timestamp()`.as('now')

function lockAgent(transaction: Transaction<IdpTables>, clientId: string, scope: string) {
  return transaction
    .selectFrom('agents')
    .where('agents.agent_id', '=', clientId)
    .where('agents.status', '=', 'active')
    .where(sql<boolean>`scopes @> string_to_array(${scope}, ' ')`)
    .forShare()
}

function lockCredential(transaction: Transaction<IdpTables>, clientId: string, credentialId: string, scope: string) {
  return lockAgent(transaction, clientId, scope)
    .innerJoin('credentials', 'credentials.agent_id', 'agents.agent_id')
    .select([...credentialColumns, clockNow])
    .where('credential_id', '=', credentialId)
    .executeTakeFirst()
}

type Locked<T extends (...given: never[]) => Promise<unknown>> = Awaited<ReturnType<T>>

function isAcceptedIn(row: Locked<typeof lockCredential>, version: string): boolean {
  const presented = row && storedOf(row).keyring.versions.find(({ id }) => id === version)
  return presented !== undefined && isAcceptedAt(presented, row?.now as number)
}

/** A key that a client registered has no row of its own. */
function lockRegistration(transaction: Transaction<IdpTables>, clientId: string, scope: string) {
  return lockAgent(transaction, clientId, scope)
    .innerJoin('clients', 'clients.client_id', 'agents.agent_id')
    .select([...registrationColumns, clockNow])
    .executeTakeFirst()
}

/** Under the name of the key there may be another by now. */
function isRegistered(row: Locked<typeof lockRegistration>, clientId: string, { kid, jwk }: HeldKey): boolean {
  const key = row && registeredKeys(clientId, registrationOf(row)).find((each) => each.kid === kid)
  return key !== undefined && isGood(key, row?.now as number) && thumbprintOf(key.jwk) === thumbprintOf(jwk)
}

/** A stored token that is good. Times are milliseconds since the epoch. */
export interface OpaqueToken {
  clientId: string
  organizationId: string
  scope: string
  issuedAt: number
  expiresAt: number
}

/**
 * Looks an opaque token up. It is read from the database each time: what administers must not outlive its withdrawal by
 * so much as a cache.
 *
 * @returns `undefined` when it is no opaque token, unknown, expired, or its agent is not active
 */
export async function findOpaqueToken(db: IdpDatabase, token: string): Promise<OpaqueToken | undefined> {
  if (!isOpaque(token)) return undefined
  const row = await db
    .selectFrom('opaque_tokens')
    .innerJoin('agents', 'agents.agent_id', 'opaque_tokens.agent_id')
    .select(['agents.agent_id', 'organization_id', 'scope', 'issued_at', 'expires_at'])
    .where('token_hash', '=', hashSecret(token))
    .where('opaque_tokens.expires_at', '>', sql<Date>`now()` as never)
    .where('agents.status', '=', 'active')
    .executeTakeFirst()
  return (
    row && {
      clientId: row.agent_id,
      organizationId: row.organization_id,
      scope: row.scope,
      issuedAt: row.issued_at,
      expiresAt: row.expires_at,
    }
  )
}

/** Who calls by an opaque token, if it is a good one. */
export async function callerOf(db: IdpDatabase, token: string): Promise<Caller | undefined> {
  const found = await findOpaqueToken(db, token)
  if (!found) return undefined
  const { clientId, organizationId, scope } = found
  return { clientId, organizationId, scopes: new Set(scope.split(' ')) }
}

/** Deletes tokens that have expired. */
export async function pruneOpaqueTokens(db: IdpDatabase): Promise<void> {
  await sql`DELETE FROM opaque_tokens WHERE expires_at < now()`.execute(db)
}
