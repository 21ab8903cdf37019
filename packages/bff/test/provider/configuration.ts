import { generateKeyPairSync, randomUUID, timingSafeEqual } from 'node:crypto'
import Provider, { type AdapterFactory, type Configuration, type JWK } from 'oidc-provider'

/** Lives of what is issued, in seconds. */
export interface Life {
  readonly AccessToken?: number
  readonly RefreshToken?: number
  readonly IdToken?: number
  readonly ClientCredentials?: number
  readonly Session?: number
}

interface Setting {
  readonly par: boolean
  readonly life: Life
  readonly adapter: AdapterFactory
  readonly keys: readonly JWK[]
  readonly secrets: ReadonlyMap<string, readonly string[]>
}

export function configured(issuer: string, setting: Setting): Provider {
  const provider = new Provider(issuer, configurationOf(setting))
  // Several secrets of one client are good during an overlap.
  provider.Client.prototype.compareClientSecret = function (actual: string) {
    const accepted = setting.secrets.get(this.clientId) ?? [this.clientSecret ?? '']
    return accepted.some((secret) => isSame(secret, actual))
  }
  return provider
}

function isSame(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))
}

function configurationOf({ par, life, adapter, keys }: Setting): Configuration {
  return {
    adapter,
    jwks: { keys: [...keys] },
    cookies: { keys: ['test'] },
    scopes: ['openid', 'offline_access', 'profile', 'email', 'roles', 'api:read', 'api:write'],
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'], roles: ['roles'] },
    conformIdTokenClaims: false,
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    findAccount: (_ctx, sub) => ({
      accountId: sub,
      claims: () => ({
        sub,
        name: `Name of ${sub}`,
        email: `${sub}@example.com`,
        email_verified: true,
        roles: ['reader'],
      }),
    }),
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    ttl: {
      AccessToken: 300,
      ClientCredentials: 300,
      IdToken: 3600,
      RefreshToken: 3600,
      Session: 3600,
      Grant: 86_400,
      Interaction: 600,
      ...life,
    },
    // Without its dispatcher, which lets nobody on this machine be asked.
    fetch: (url, init) => fetch(url, { ...init, dispatcher: undefined } as RequestInit),
    features: featuresOf(par),
  }
}

function featuresOf(par: boolean): NonNullable<Configuration['features']> {
  return {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: async () => true },
    revocation: { enabled: true, allowedPolicy: async () => true },
    pushedAuthorizationRequests: { enabled: par },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      // Whoever means it sends it with `logout=yes`.
      logoutSource: async (ctx, form) => {
        ctx.body = form
      },
    },
    registration: { enabled: true, initialAccessToken: true },
    registrationManagement: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => [],
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, audience) => ({
        scope: 'openid offline_access profile email roles api:read api:write',
        audience,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 300,
      }),
    },
  }
}

/** A key that ID tokens are signed by, under a kid that no other had. */
export async function newSigningKey(): Promise<JWK> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...privateKey.export({ format: 'jwk' }), kid: `idp-${randomUUID()}`, use: 'sig', alg: 'RS256' } as JWK
}
