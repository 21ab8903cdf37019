import { setTimeout as delay } from 'node:timers/promises'
import {
  type AccessToken,
  type ClientCredentials,
  errors,
  type KoaContextWithOIDC,
  type ResourceServer,
} from 'oidc-provider'
import type { Instance } from '../instance.ts'
import { managementScopes } from '../tokens/scopes.ts'
import { ownScopes } from '../tokens/user-scopes.ts'
import type { User } from './account.ts'

/**
 * The one resource for which tokens are issued here: whoever asks for it (RFC 8707) gets an access token that APIs verify by
 * themselves. It can have the scopes that its client may have; none that administers is ever in a JWT.
 *
 * @throws OIDCProviderError `invalid_target`
 */
export async function resourceServer(
  { config, clients, keys, issuance }: Pick<Instance, 'config' | 'clients' | 'keys' | 'issuance'>,
  resource: string,
  clientId: string,
): Promise<ResourceServer> {
  const { audience, accessTokenTtlMs } = config
  if (resource !== audience) throw new errors.InvalidTarget()
  const client = await clients.get(clientId)
  const scopes = ownScopes(client?.scopes ?? []).filter((name) => !managementScopes.includes(name))
  const alg = keys().keyrings.get(issuance().keyring)?.algorithm as 'ES256'
  return {
    scope: scopes.join(' '),
    audience,
    accessTokenFormat: 'jwt',
    accessTokenTTL: Math.floor(accessTokenTtlMs / 1_000),
    jwt: { sign: { alg } },
  }
}

/** What an access token says beside what RFC 9068 demands: whose user it is, and of which session. */
export function claimsOfToken(ctx: KoaContextWithOIDC, token: AccessToken | ClientCredentials) {
  const user = ctx.oidc.entities.Account as User | undefined
  return { organization_id: user?.organizationId, sid: 'sid' in token ? token.sid : undefined }
}

/** A moment is rounded up to whole seconds, and clocks differ. */
const mostWaitMs = 2_000

/**
 * Gives a JWT the first `iat` that the deny-list lets pass. Where everything of this user or client was ended a moment ago, a token of
 * the rest of that second would be refused for its whole life.
 */
export async function issuedWhenAllowed(
  { config, clock, issuableFrom }: Pick<Instance, 'config' | 'clock' | 'issuableFrom'>,
  token: AccessToken | ClientCredentials,
  payload: { iat?: unknown; exp?: unknown },
): Promise<void> {
  const { iat, exp } = payload
  if (typeof iat !== 'number' || typeof exp !== 'number') return
  const subjects = [token.clientId ?? '', 'accountId' in token ? token.accountId : '']
  const from = Math.max(...subjects.map((subject) => issuableFrom(config.issuer, subject, iat)))
  const waitMs = from * 1_000 - clock()
  if (from === iat || waitMs > mostWaitMs) return
  if (waitMs > 0) await delay(waitMs)
  Object.assign(payload, { iat: from, exp: exp + from - iat })
}
