import { recordEvents } from '@rekey/database'
import { sql, type Transaction } from 'kysely'
import type { Config } from '../config.ts'
import { closeCredentials } from '../credentials/revoke.ts'
import { IdpError, OAuthError } from '../error.ts'
import type { IdpTables } from '../tables.ts'
import { endOfToken, type NewRegistrationToken, replaceRegistrationTokens } from './access-tokens/store.ts'
import type { AskedRegistration } from './asked.ts'
import { looksLikeAccount } from './client-id.ts'
import { bearerName, type InitialToken, useInitialToken } from './initial-tokens/store.ts'
import { refused } from './judge.ts'
import { claimingKids, namedKeys, requireClaimed } from './key-set.ts'

/** As registered clients are listed among agents. */
const registeredAgentType = 'oidc-client'

/** A client as it was registered. */
export interface Registered {
  /** Of its metadata. */
  revision: number
  registeredAt: number
  /** What was there before under the same id, if anything: instances may remember it, and verifiers take its tokens. */
  replaced: 'active' | 'decommissioned' | undefined
}

/**
 * Registers a client: an agent, its metadata, its keys and its registration access token.
 *
 * @throws OAuthError `invalid_client_metadata` where its id is taken, `invalid_token` where the initial access token was used up
 *   meanwhile; IdpError `FORBIDDEN` where the client was suspended
 */
export async function createClient(
  transaction: Transaction<IdpTables>,
  settings: Config['oidc'],
  bearer: InitialToken,
  asked: AskedRegistration,
  token: NewRegistrationToken,
): Promise<Registered> {
  const made = await insertClient(transaction, settings, bearer, asked, token)
  await recordEvents(transaction, [
    {
      ...by(bearer, asked),
      action: 'initial_access_token.used',
      details: { initialAccessToken: bearer.tokenId },
    },
    {
      ...by(bearer, asked),
      action: 'client.registered',
      details: { ...toldOf(asked), initialAccessToken: bearer.tokenId, replaced: made === undefined },
    },
    { ...by(bearer, asked), action: 'registration_token.issued', details: { by: 'registration' } },
  ])
  // As late as can be: whoever else registers by the same token waits from here to the end. But before what revokes or makes
  // credentials: with that comes the lock that orders all changes.
  if (!(await useInitialToken(transaction, bearer.tokenId))) throw spentMeanwhile()
  return made ? { ...made, replaced: undefined } : replaceClient(transaction, settings, bearer, asked, token)
}

function spentMeanwhile(): OAuthError {
  return new OAuthError('invalid_token', 'the initial access token was used up meanwhile: ask an administrator for one')
}

/** One statement: it is most of what a registration costs. Nothing is inserted where the id is taken. */
async function insertClient(
  transaction: Transaction<IdpTables>,
  settings: Config['oidc'],
  { organizationId }: InitialToken,
  { clientId, isWish, profile, scopes, metadata }: AskedRegistration,
  { hash }: NewRegistrationToken,
) {
  if (isWish && looksLikeAccount(clientId) && !(await isThere(transaction, clientId))) {
    throw refused('client_id: a UUID is chosen by this server; wish for another name, or for none')
  }
  const { rows } = await sql<{ revision: number; registeredAt: number }>`
    WITH agent AS (
      INSERT INTO agents (agent_id, organization_id, name, agent_type, scopes)
      SELECT ${clientId}::text, ${organizationId}, ${metadata.client_name ?? null}, ${registeredAgentType}, ${scopes}::text[]
      WHERE NOT EXISTS (SELECT FROM verifiers WHERE client_id = ${clientId})
      ON CONFLICT (agent_id) DO NOTHING RETURNING agent_id
    ), client AS (
      INSERT INTO clients (client_id, profile, metadata)
      SELECT agent_id, ${profile}, ${JSON.stringify(metadata)}::jsonb FROM agent
      RETURNING client_id, revision, registered_at
    ), token AS (
      INSERT INTO registration_access_tokens (token_hash, client_id, state, expires_at)
      SELECT ${hash}::bytea, client_id, 'active', ${endOfToken(settings)} FROM client
    ), kids AS (
      INSERT INTO client_kids (client_id, kid, thumbprint)
      SELECT client_id, kid, thumbprint FROM client, ${namedKeys(metadata.jwks)}
    )
    SELECT revision, registered_at AS "registeredAt" FROM client`.execute(transaction)
  return rows[0]
}

async function isThere(transaction: Transaction<IdpTables>, clientId: string): Promise<boolean> {
  const row = await transaction
    .selectFrom('agents')
    .select('agent_id')
    .where('agent_id', '=', clientId)
    .executeTakeFirst()
  return row !== undefined
}

/** The client that is there begins anew: whoever bore its tokens, keys or secrets before is let in by them no more. */
async function replaceClient(
  transaction: Transaction<IdpTables>,
  settings: Config['oidc'],
  bearer: InitialToken,
  { clientId, profile, scopes, metadata }: AskedRegistration,
  token: NewRegistrationToken,
): Promise<Registered> {
  const replaced = await lockReplaceable(transaction, bearer, clientId)
  const set = metadata.jwks ?? { keys: [] }
  requireClaimed(set, (await claimingKids(clientId, set).execute(transaction)).rows.length)
  await transaction
    .updateTable('agents')
    .set({ status: 'active', name: metadata.client_name ?? null, scopes, changed_at: sql`now()` })
    .where('agent_id', '=', clientId)
    .execute()
  const { revision, registered_at: registeredAt } = await transaction
    .updateTable('clients')
    .set({
      profile,
      metadata: JSON.stringify(metadata),
      revision: sql`revision + 1`,
      registered_at: sql`now()`,
      changed_at: sql`now()`,
      fetched_jwks: null,
      fetched_at: null,
      deleted_at: null,
    })
    .where('client_id', '=', clientId)
    .returning(['revision', 'registered_at'])
    .executeTakeFirstOrThrow()
  await replaceRegistrationTokens(transaction, settings, clientId, token)
  await closeCredentials(transaction, clientId, { actor: bearerName(bearer), reason: 'the client was registered anew' })
  return { revision, registeredAt, replaced }
}

/**
 * Its id may be taken anew where the initial access token is for this very client, or its registration was deleted; in the same
 * organization only, and never that of an agent that did not register. One that was decommissioned as an agent stays so for whoever
 * has a token for any client.
 *
 * @returns what it was
 */
async function lockReplaceable(
  transaction: Transaction<IdpTables>,
  { organizationId, clientId: bound }: InitialToken,
  clientId: string,
): Promise<'active' | 'decommissioned'> {
  const held = await transaction
    .selectFrom('agents')
    .innerJoin('clients', 'clients.client_id', 'agents.agent_id')
    .select(['organization_id', 'status', 'deleted_at'])
    .where('agent_id', '=', clientId)
    .forUpdate()
    .executeTakeFirst()
  const isOurs = held?.organization_id === organizationId
  if (!isOurs || !(bound === clientId || held.deleted_at !== null)) {
    throw refused('client_id is taken: wish for another one, or for none')
  }
  if (held.status === 'suspended') throw new IdpError('FORBIDDEN', 'the client is suspended')
  return held.status === 'active' ? 'active' : 'decommissioned'
}

function by(bearer: InitialToken, { clientId }: AskedRegistration) {
  const { organizationId } = bearer
  return { outcome: 'success', actor: bearerName(bearer), agentId: clientId, organizationId } as const
}

function toldOf({ profile, scopes, metadata }: AskedRegistration) {
  return {
    profile,
    scopes,
    grantTypes: metadata.grant_types,
    authMethod: metadata.token_endpoint_auth_method,
    redirectUris: metadata.redirect_uris,
    kids: metadata.jwks?.keys.map(({ kid }) => kid),
    jwksUri: metadata.jwks_uri,
  }
}
