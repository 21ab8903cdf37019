import type { Configuration, SigningAlgorithm } from 'oidc-provider'
import { claimsByScope } from '../accounts/claims.ts'
import { signingKeyrings } from '../config.ts'
import type { Instance } from '../instance.ts'
import { assertionAlgorithms } from '../tokens/authentication/secret-assertion.ts'
import { userScopes } from '../tokens/user-scopes.ts'
import { findUser } from './account.ts'
import { ActiveKey } from './active-key.ts'
import { clientAdapter } from './client-adapter.ts'
import { grantOf } from './first-party.ts'
import { lifetimesOf } from './lifetimes.ts'
import { whileLeased, withoutOutage } from './outage.ts'
import { fetchThrough } from './outbound.ts'
import { logoutSource, postLogoutSuccessSource, renderError } from './pages/hooks.ts'
import { promptPolicy } from './prompts.ts'
import { claimsOfToken, issuedWhenAllowed, resourceServer } from './resource.ts'
import { stateAdapter } from './state/adapter.ts'
import { reuseFor } from './state/generations.ts'

/** Where the provider answers. The token endpoint and pushed requests are behind our own authentication of clients. */
export const providerRoutes = {
  authorization: '/api/oidc/auth',
  token: '/api/oidc/token',
  userinfo: '/api/oidc/me',
  pushed_authorization_request: '/api/oidc/request',
  end_session: '/api/oidc/session/end',
  jwks: '/api/oidc/jwks',
} as const

/** What the provider is made with. Whatever may change while it lives is read where it is used. */
export function configurationOf(instance: Instance): Configuration {
  const { config } = instance
  const clients = clientAdapter(instance, () => clientDefaults(instance))
  const state = stateAdapter(instance, reuseFor(instance))
  const isHttps = config.issuer.startsWith('https:')
  const cookie = { httpOnly: true, sameSite: 'lax', signed: true, secure: isHttps } as const
  return {
    adapter: (model) => whileLeased(instance, model === 'Client' ? clients : state(model)),
    jwks: { keys: signingKeyrings.map(({ name, algorithm }) => new ActiveKey(instance, name, algorithm)) },
    routes: providerRoutes,
    enabledJWA: {
      idTokenSigningAlgValues: signingKeyrings.map(({ algorithm }) => algorithm),
      clientAuthSigningAlgValues: [...assertionAlgorithms] as SigningAlgorithm[],
    },
    responseTypes: ['code'],
    scopes: userScopes,
    claims: { openid: ['sub', 'organization_id'], ...claimsByScope },
    pkce: { required: () => true },
    cookies: {
      // Set before each request.
      keys: ['none yet'],
      names: { session: 'rekey_session', interaction: 'rekey_interaction', resume: 'rekey_resume' },
      long: cookie,
      short: cookie,
    },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      externalSigningSupport: { enabled: true, ack: 'experimental-01' },
      clientCredentials: { enabled: true },
      pushedAuthorizationRequests: { enabled: true },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true, logoutSource, postLogoutSuccessSource },
      resourceIndicators: {
        enabled: true,
        // Who asked for it when the user logged in gets it: that it is asked for once more is not demanded (RFC 8707 §2.2).
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource, { clientId }) =>
          withoutOutage(() => resourceServer(instance, resource, clientId)),
      },
    },
    interactions: { policy: promptPolicy(), url: (_ctx, { uid }) => `/api/oidc/interaction/${uid}` },
    renderError,
    findAccount: (ctx, sub, token) => withoutOutage(() => findUser(instance, ctx, sub, token)),
    loadExistingGrant: (ctx) => withoutOutage(() => grantOf(instance, ctx)),
    extraTokenClaims: claimsOfToken,
    formats: { customizers: { jwt: (_ctx, token, jwt) => issuedWhenAllowed(instance, token, jwt.payload) } },
    rotateRefreshToken: true,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    clientBasedCORS: (ctx, origin, client) =>
      origin !== 'null' &&
      (ctx.oidc.route === 'userinfo' || client.tokenEndpointAuthMethod === 'none') &&
      (client.redirectUris ?? []).some((uri) => URL.parse(uri)?.origin === origin),
    fetch: fetchThrough(instance),
    ttl: lifetimesOf(instance),
  }
}

/** What a client has that left it out when it registered. */
export function clientDefaults(instance: Pick<Instance, 'keys' | 'issuance'>) {
  const algorithm = instance.keys().keyrings.get(instance.issuance().keyring)?.algorithm ?? 'ES256'
  return { id_token_signed_response_alg: algorithm as 'ES256' | 'RS256' }
}
