import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import type { AdapterPayload } from 'oidc-provider'

export interface ClientWish {
  readonly clientId: string
  /** `client_secret_basic` by default. */
  readonly method?: 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt'
  readonly secret?: string
  /** Public keys of a client that authenticates by private_key_jwt, or where they are. */
  readonly jwks?: { readonly keys: readonly object[] }
  readonly jwksUri?: string
  readonly redirectUris: readonly string[]
  readonly postLogoutRedirectUris?: readonly string[]
  readonly backchannelLogoutUri?: string
}

/** The metadata of a client that logs users in and refreshes. */
export function metadataOf(wish: ClientWish): AdapterPayload {
  return {
    client_id: wish.clientId,
    token_endpoint_auth_method: wish.method ?? 'client_secret_basic',
    ...(wish.secret === undefined ? {} : { client_secret: wish.secret }),
    ...(wish.jwks === undefined ? {} : { jwks: wish.jwks }),
    ...(wish.jwksUri === undefined ? {} : { jwks_uri: wish.jwksUri }),
    redirect_uris: [...wish.redirectUris],
    post_logout_redirect_uris: [...(wish.postLogoutRedirectUris ?? [])],
    ...(wish.backchannelLogoutUri === undefined
      ? {}
      : { backchannel_logout_uri: wish.backchannelLogoutUri, backchannel_logout_session_required: true }),
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    response_types: ['code'],
  } as AdapterPayload
}

/** A key pair for a client: PEM, and the public half as it is registered. */
export function newClientKey(kid: string): { pem: string; jwk: JsonWebKey } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { pem, jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'ES256' } }
}
