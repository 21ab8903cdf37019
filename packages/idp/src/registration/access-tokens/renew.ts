import { recordEvent, type Sealer } from '@rekey/database'
import { transact } from '@rekey/service'
import { sql, type Transaction } from 'kysely'
import type { Config } from '../../config.ts'
import type { IdpDatabase, IdpTables } from '../../tables.ts'
import { endOfToken, newRegistrationToken, notGood, type RegistrationToken } from './store.ts'

type Renewable = Pick<RegistrationToken, 'hash' | 'clientId' | 'organizationId'>

/**
 * Lets a pending token take over, because it was used. What was active until now is a tripwire. One that took over meanwhile, by
 * another request, is left as it is.
 */
export async function promote(db: IdpDatabase, { hash, clientId, organizationId }: Renewable): Promise<void> {
  await transact(db, async (transaction) => {
    await lockTokens(transaction, clientId)
    const tokens = () => transaction.updateTable('registration_access_tokens')
    const pending = await transaction
      .selectFrom('registration_access_tokens')
      .select('state')
      .where('token_hash', '=', hash)
      .where('state', '=', 'pending')
      .executeTakeFirst()
    if (!pending) return
    await tokens()
      .set({ state: 'superseded' })
      .where('client_id', '=', clientId)
      .where('state', '=', 'active')
      .execute()
    await tokens().set({ state: 'active', sealed_token: null }).where('token_hash', '=', hash).execute()
    await forgetOldest(transaction, clientId)
    await record(transaction, 'registration_token.renewed', { clientId, organizationId })
  })
}

/** So many of a client's are tripwires: one that rotates every day must not leave a row a day for ever. */
const mostSuperseded = 20

async function forgetOldest(transaction: Transaction<IdpTables>, clientId: string): Promise<void> {
  const superseded = transaction
    .selectFrom('registration_access_tokens')
    .select('token_hash')
    .where('client_id', '=', clientId)
    .where('state', '=', 'superseded')
  const oldest = superseded.orderBy('issued_at', 'desc').offset(mostSuperseded)
  await transaction.deleteFrom('registration_access_tokens').where('token_hash', 'in', oldest).execute()
}

/** Whoever changes which tokens a client has waits here for who does the same. */
async function lockTokens(transaction: Transaction<IdpTables>, clientId: string): Promise<void> {
  await transaction.selectFrom('clients').select('client_id').where('client_id', '=', clientId).forUpdate().execute()
}

/**
 * Tells a client that changes its registration which token it is to use from now on: the one that it came by, or where that is old a
 * new one, which takes over when it is first used. Until then both are good, because the reply may be lost; whoever comes by the old
 * one again is told the same new one. The caller has locked the client.
 *
 * @throws OAuthError `invalid_token` where the token came to its end meanwhile
 */
export async function renewed(
  transaction: Transaction<IdpTables>,
  { sealer, config }: { sealer: Sealer; config: Pick<Config, 'oidc'> },
  bearer: Renewable & { token: string },
): Promise<string> {
  const { clientId } = bearer
  const rows = await transaction
    .selectFrom('registration_access_tokens')
    .select(['token_hash', 'state', 'sealed_token', sql<boolean>`expires_at <= now()`.as('is_over')])
    .select(isOld(config.oidc).as('is_old'))
    .where('client_id', '=', clientId)
    .where('state', '!=', 'superseded')
    .execute()
  const held = rows.find(({ token_hash }) => token_hash.equals(bearer.hash))
  if (!held || held.is_over) throw notGood()
  if (!held.is_old || held.state !== 'active') return bearer.token
  const pending = rows.find(({ state }) => state === 'pending')
  if (pending?.sealed_token && !pending.is_over) return sealer.open(recordOf(clientId), pending.sealed_token).toString()
  return issuePending(transaction, sealer, config.oidc, bearer)
}

function isOld({ renewRegistrationTokenAfterMs: afterMs }: Config['oidc']) {
  return sql<boolean>`issued_at <= now() - ${afterMs} * interval '1 millisecond'`
}

async function issuePending(
  transaction: Transaction<IdpTables>,
  sealer: Sealer,
  settings: Config['oidc'],
  { clientId, organizationId }: Renewable,
): Promise<string> {
  const { token, hash } = newRegistrationToken()
  // One that expired before it was used is in the way.
  await transaction
    .deleteFrom('registration_access_tokens')
    .where('client_id', '=', clientId)
    .where('state', '=', 'pending')
    .execute()
  await transaction
    .insertInto('registration_access_tokens')
    .values({
      token_hash: hash,
      client_id: clientId,
      state: 'pending',
      expires_at: endOfToken(settings),
      sealed_token: sealer.seal(recordOf(clientId), Buffer.from(token)),
    })
    .execute()
  await record(transaction, 'registration_token.issued', { clientId, organizationId }, { by: 'renewal' })
  return token
}

/** By which a pending token is sealed. */
export function recordOf(clientId: string): string {
  return `registration-token/${clientId}`
}

function record(
  transaction: Transaction<IdpTables>,
  action: string,
  { clientId, organizationId }: Pick<Renewable, 'clientId' | 'organizationId'>,
  details: Record<string, unknown> = {},
): Promise<void> {
  return recordEvent(transaction, {
    action,
    outcome: 'success',
    actor: clientId,
    agentId: clientId,
    organizationId,
    details,
  })
}
