import type { Grant, KoaContextWithOIDC } from 'oidc-provider'
import type { Instance } from '../instance.ts'

/**
 * What a user granted a client. Of a client of the operator's own he is not asked: it has what it asks for.
 *
 * @returns `undefined` where he has to be asked
 */
export async function grantOf(
  { clients, profiles }: Pick<Instance, 'clients' | 'profiles'>,
  { oidc }: KoaContextWithOIDC,
): Promise<Grant | undefined> {
  const { client, session, result, provider } = oidc
  if (!client || !session) return undefined
  const { clientId } = client
  const grantId = result?.consent?.grantId ?? session.grantIdFor(clientId)
  const granted = grantId ? await provider.Grant.find(grantId) : undefined
  const held = await clients.get(clientId)
  const profile = profiles.get(held?.registration?.profile ?? '')
  if (!profile?.firstParty || !session.accountId) return granted
  const grant = granted ?? new provider.Grant({ accountId: session.accountId, clientId })
  const before = JSON.stringify([grant.openid, grant.resources])
  grant.addOIDCScope([...oidc.requestParamOIDCScopes])
  for (const [resource, server] of Object.entries(oidc.resourceServers ?? {})) {
    const scopes = [...oidc.requestParamScopes].filter((scope) => server.scopes.has(scope))
    grant.addResourceScope(resource, scopes)
  }
  if (!granted || JSON.stringify([grant.openid, grant.resources]) !== before) await grant.save()
  return grant
}
