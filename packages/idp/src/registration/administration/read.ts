import { iso, isoIfSet, lastMoment, pageOf, positionOf } from '@rekey/service'
import { sql } from 'kysely'
import type { z } from 'zod'
import type { AgentStatus } from '../../agents/agent.ts'
import { isAfter, microsecondsOf, timedPosition } from '../../http/timed-place.ts'
import type { IdpDatabase } from '../../tables.ts'
import type { Caller } from '../../tokens/opaque.ts'
import { clientOf } from '../held.ts'
import type { ClientKeySet, ClientMetadata } from '../stored.ts'
import type { detailedClient, listedClient } from './shapes.ts'

type Listed = z.infer<typeof listedClient>
type Detailed = z.infer<typeof detailedClient>

/** The caller's organization's registered clients, in the order in which they registered. */
export async function listClients(
  db: IdpDatabase,
  { organizationId }: Caller,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<{ clients: Listed[]; nextCursor: string | null }> {
  const after = positionOf(cursor, timedPosition)
  let query = db
    .selectFrom('clients')
    .innerJoin('agents', 'agents.agent_id', 'clients.client_id')
    .select(['client_id', 'profile', 'metadata', 'fetched_jwks', 'status', 'registered_at'])
    .select(['clients.changed_at', microsecondsOf('registered_at').as('registered')])
    .where('organization_id', '=', organizationId)
  if (after) query = query.where(isAfter('registered_at', 'client_id', after))
  const rows = await query
    .orderBy('registered_at')
    .orderBy('client_id')
    .limit(limit + 1)
    .execute()
  const page = pageOf(rows, limit, ({ registered, client_id }) => [registered, client_id])
  const clients = page.rows.map((row) => ({
    ...commonOf({ ...row, clientId: row.client_id, registeredAt: row.registered_at, changedAt: row.changed_at }),
    token_endpoint_auth_method: row.metadata.token_endpoint_auth_method,
    kids: keysOf(row.metadata.jwks ?? row.fetched_jwks).flatMap(({ kid }) => kid ?? []),
  }))
  return { clients, nextCursor: page.nextCursor }
}

function commonOf(of: {
  clientId: string
  profile: string
  status: string
  metadata: ClientMetadata
  registeredAt: number
  changedAt: number
}) {
  return {
    client_id: of.clientId,
    client_name: of.metadata.client_name,
    client_profile: of.profile,
    status: of.status as AgentStatus,
    registered_at: iso(of.registeredAt),
    changed_at: iso(of.changedAt),
  }
}

const keysOf = (set: ClientKeySet | null | undefined): ClientKeySet['keys'] => set?.keys ?? []

/**
 * @returns all that is known of a client, and its revision
 * @throws IdpError `UNKNOWN_CLIENT`, `FORBIDDEN`
 */
export async function detailsOf(
  db: IdpDatabase,
  caller: Caller,
  clientId: string,
): Promise<Detailed & { revision: number }> {
  const client = await clientOf(db, caller, clientId)
  const [fetched, kids, credentials, tokens] = await Promise.all([
    db
      .selectFrom('clients')
      .select(['fetched_jwks', 'fetched_at'])
      .where('client_id', '=', clientId)
      .executeTakeFirst(),
    db.selectFrom('client_kids').select(['kid', 'claimed_at']).where('client_id', '=', clientId).execute(),
    credentialsOf(db, clientId),
    tokensOf(db, clientId),
  ])
  const claimed = new Map(kids.map(({ kid, claimed_at }) => [kid, claimed_at]))
  const from = client.metadata.jwks ? 'jwks' : 'jwks_uri'
  const keys = keysOf(client.metadata.jwks ?? fetched?.fetched_jwks).flatMap(({ kid, alg }) =>
    kid === undefined
      ? []
      : [{ kid, alg, from, first_seen_at: isoIfSet(from === 'jwks' ? claimed.get(kid) : undefined) } as const],
  )
  return {
    ...commonOf(client),
    revision: client.revision,
    organization_id: client.organizationId,
    scope: client.scopes.join(' '),
    metadata: client.metadata as Detailed['metadata'],
    keys,
    keys_fetched_at: isoIfSet(fetched?.fetched_at ?? undefined),
    credentials,
    // Those of one that was deleted are kept, so that it is told so; they open nothing.
    registration_access_tokens: client.status === 'decommissioned' ? [] : tokens,
  }
}

async function credentialsOf(db: IdpDatabase, clientId: string): Promise<Detailed['credentials']> {
  const rows = await db
    .selectFrom('credentials')
    .select(['credential_id', 'kind', 'status', 'created_at', 'rotated_at'])
    .where('agent_id', '=', clientId)
    .orderBy('created_at')
    .orderBy('credential_id')
    .execute()
  return rows.map((row) => ({ ...row, created_at: iso(row.created_at), rotated_at: iso(row.rotated_at) }))
}

async function tokensOf(db: IdpDatabase, clientId: string): Promise<Detailed['registration_access_tokens']> {
  const rows = await db
    .selectFrom('registration_access_tokens')
    .select(['state', 'issued_at', 'expires_at'])
    .where('client_id', '=', clientId)
    .where('state', '!=', 'superseded')
    .where(sql<boolean>`expires_at > now()`)
    .orderBy('state')
    .execute()
  return rows.map(({ state, issued_at, expires_at }) => ({
    state: state as 'active' | 'pending',
    issued_at: iso(issued_at),
    expires_at: expires_at < lastMoment ? iso(expires_at) : undefined,
  }))
}
