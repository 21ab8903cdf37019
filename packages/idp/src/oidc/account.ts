import type { Account, FindAccount, KoaContextWithOIDC } from 'oidc-provider'
import { findAccount } from '../accounts/account.ts'
import { claimsOfAccount } from '../accounts/claims.ts'
import { operatorOrganization } from '../agents/organization.ts'
import type { Instance } from '../instance.ts'

/** A user as the provider knows him, and of which organization he is. */
export interface User extends Account {
  organizationId: string
}

type Needed = Pick<Instance, 'config' | 'connection' | 'clients' | 'denies' | 'requireRoom'>

/**
 * Finds the user that a session, a code or a token is of, while he is active, his login stands, nothing of it is on the
 * deny-list, and he is one that the client may know: those of its own organization. Clients of the operator's know everybody.
 */
export async function findUser(
  { config, connection, clients, denies, requireRoom }: Needed,
  ctx: KoaContextWithOIDC,
  sub: string,
  source: Parameters<FindAccount>[2],
): Promise<User | undefined> {
  const clientId = ctx.oidc.client?.clientId ?? ''
  const loginAt = loginOf(ctx, sub, source)
  const { iat = loginAt, sid } = (source ?? { sid: ctx.oidc.session?.uid }) as { iat?: number; sid?: string }
  // A moment is rounded up to whole seconds there, and whoever logs in again in that very second is let in: what was granted before
  // it was deleted at that moment.
  const isDenied = iat !== undefined && denies({ iss: config.issuer, sub, client_id: clientId, sid, iat: iat + 1 })
  if (isDenied) return undefined
  requireRoom()
  const account = await findAccount(connection.db, sub, loginAt)
  if (!account) return undefined
  const { organization_id: organizationId } = account
  const client = clientId ? await clients.get(clientId) : undefined
  if (client && ![organizationId, operatorOrganization].includes(client.organizationId)) return undefined
  return {
    accountId: sub,
    organizationId,
    claims: async (_use, scope) => ({
      ...claimsOfAccount(account, scope.split(' ')),
      organization_id: organizationId,
    }),
  }
}

/** When he logged in: in seconds since the epoch. */
function loginOf(ctx: KoaContextWithOIDC, sub: string, source: Parameters<FindAccount>[2]): number | undefined {
  if (source && 'authTime' in source) return source.authTime
  const { session } = ctx.oidc
  return session?.accountId === sub ? session.loginTs : undefined
}
