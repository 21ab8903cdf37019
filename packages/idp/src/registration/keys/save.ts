import { recordChange } from '@rekey/database'
import { sql, type Transaction } from 'kysely'
import { agentTopic } from '../../credentials/client.ts'
import { type ClientJwk, thumbprintOf } from '../../credentials/key.ts'
import type { IdpTables } from '../../tables.ts'
import type { Publisher } from './look.ts'

/** A look at a client's `jwks_uri`: which one, and when it began. */
export interface Look {
  uri: string
  at: number
}

/**
 * Stores what a look found, unless a later one was faster or the client has another `jwks_uri` by now. Instances are told, and the
 * audit, where that changes the set.
 *
 * @returns whether it changed; `undefined` when it was not stored
 */
export async function saveFetched(
  transaction: Transaction<IdpTables>,
  client: Publisher,
  { uri, at }: Look,
  keys: readonly ClientJwk[],
  freshMs: number,
): Promise<boolean | undefined> {
  const before = await heldBefore(transaction, client, { uri, at })
  if (!before) return undefined
  await sql`
    UPDATE clients SET fetched_jwks = ${JSON.stringify({ keys })}, fetched_at = to_timestamp(${at / 1_000}),
      fetched_fresh_until = to_timestamp(${(at + freshMs) / 1_000}), fetch_runs_until = NULL
    WHERE client_id = ${client.clientId}`.execute(transaction)
  return announce(transaction, client, before, keys)
}

/** Lets go of keys whose private halves lie open. Those that are left are believed for as long as they would have been. */
export async function dropFetched(
  transaction: Transaction<IdpTables>,
  client: Publisher,
  look: Look,
  thumbprints: readonly string[],
): Promise<void> {
  const before = await heldBefore(transaction, client, look)
  if (!before || before.length === 0) return
  const keys = before.filter((key) => !thumbprints.includes(thumbprintOf(key)))
  await sql`
    UPDATE clients SET fetched_jwks = ${JSON.stringify({ keys })} WHERE client_id = ${client.clientId}`.execute(
    transaction,
  )
  await announce(transaction, client, before, keys)
}

async function heldBefore(
  transaction: Transaction<IdpTables>,
  { clientId }: Publisher,
  { uri, at }: Look,
): Promise<ClientJwk[] | undefined> {
  const row = await transaction
    .selectFrom('clients')
    .select(['fetched_jwks', 'fetched_at'])
    .where('client_id', '=', clientId)
    .where('fetch_uri', '=', uri)
    .where(sql<boolean>`metadata->>'jwks_uri' = ${uri}`)
    .forUpdate()
    .executeTakeFirst()
  if (!row || (row.fetched_at !== null && row.fetched_at > at)) return undefined
  return (row.fetched_jwks?.keys ?? []) as ClientJwk[]
}

async function announce(
  transaction: Transaction<IdpTables>,
  { clientId, organizationId }: Publisher,
  before: readonly ClientJwk[],
  after: readonly ClientJwk[],
): Promise<boolean> {
  const added = kidsBeyond(after, before)
  const removed = kidsBeyond(before, after)
  if (added.length + removed.length === 0) return false
  await recordChange(transaction, agentTopic, clientId, {
    action: 'client.keys_fetched',
    outcome: 'success',
    actor: clientId,
    agentId: clientId,
    organizationId,
    details: { added, removed },
  })
  return true
}

/** Another key under a name that stays has gone, and come. */
function kidsBeyond(keys: readonly ClientJwk[], others: readonly ClientJwk[]): string[] {
  const known = new Set(others.map(nameOf))
  return keys.filter((key) => !known.has(nameOf(key))).map(({ kid }) => kid)
}

function nameOf(key: ClientJwk): string {
  return JSON.stringify([key.kid, key.alg, thumbprintOf(key)])
}
