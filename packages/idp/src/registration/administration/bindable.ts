import type { Transaction } from 'kysely'
import { requireMayGrant } from '../../agents/grant.ts'
import { IdpError, OAuthError } from '../../error.ts'
import type { Instance } from '../../instance.ts'
import type { IdpTables } from '../../tables.ts'
import type { Caller } from '../../tokens/opaque.ts'
import { profileNamed } from '../asked.ts'
import { looksLikeAccount, requireClientId } from '../client-id.ts'

/**
 * What an initial access token may be bound to. By one for a client that is registered that client is registered anew, which is
 * to become it; by one for a profile whose users are not asked, a client gets whatever any user has. Both take the scope by which
 * clients are administered.
 *
 * @throws IdpError `INSUFFICIENT_SCOPE`, `INVALID_CLIENT_METADATA`
 */
export async function requireBindable(
  { profiles }: Pick<Instance, 'profiles'>,
  transaction: Transaction<IdpTables>,
  caller: Caller,
  { profile, clientId }: { profile: string | undefined; clientId: string | undefined },
): Promise<void> {
  const bound = inOurForm(() => {
    if (clientId !== undefined) requireClientId(clientId)
    return profile === undefined ? undefined : profileNamed(profiles, profile)
  })
  const { organizationId } = caller
  // What registers by it gets these, and whoever bears it gets what registers.
  if (bound) requireMayGrant(caller, bound.scopes, { organizationId, scopes: [] })
  if (bound?.firstParty) requireAdmin(caller, 'a profile whose users are not asked')
  if (clientId === undefined) return
  requireAdmin(caller, 'a client of your choice')
  const held = await transaction
    .selectFrom('agents')
    .leftJoin('clients', 'clients.client_id', 'agents.agent_id')
    .select(['organization_id', 'clients.client_id as registered'])
    .where('agent_id', '=', clientId)
    .executeTakeFirst()
  if (held ? held.registered !== null && held.organization_id === organizationId : !looksLikeAccount(clientId)) return
  throw new IdpError(
    'INVALID_CLIENT_METADATA',
    'client_id is that of an agent that did not register, or is no name for a new one',
  )
}

function requireAdmin({ scopes }: Caller, what: string): void {
  if (scopes.has('dcr.admin')) return
  const facts = { scope: 'dcr.admin' }
  throw new IdpError('INSUFFICIENT_SCOPE', `a token for ${what} needs the scope dcr.admin`, { facts })
}

function inOurForm<T>(judge: () => T): T {
  try {
    return judge()
  } catch (error) {
    if (error instanceof OAuthError) throw new IdpError('INVALID_CLIENT_METADATA', error.message)
    throw error
  }
}
