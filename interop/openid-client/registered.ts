import type { Rekey } from '@rekey/idp/testing'
import * as client from 'openid-client'
import type { ClientKey } from '../key.ts'
import { loggedOutUri, redirectUri } from './login.ts'

export const options = { execute: [client.allowInsecureRequests] }

/** Registers by openid-client, which discovers where. */
export async function register(idp: Rekey, profile: string, metadata: object, authentication?: client.ClientAuth) {
  const initialAccessToken = await idp.initialAccess({ client_profile: profile })
  const wanted = {
    client_name: 'Interop',
    redirect_uris: [redirectUri],
    post_logout_redirect_uris: [loggedOutUri],
    ...metadata,
  }
  return client.dynamicClientRegistration(new URL(idp.url), wanted, authentication, { ...options, initialAccessToken })
}

/** Registers a client that authenticates by a key of its own. */
export function registerKeyed(idp: Rekey, key: ClientKey, profile = 'code-flow-pkjwt') {
  const metadata = { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key.publicJwk] } }
  return register(idp, profile, metadata, authenticationBy(key))
}

function authenticationBy({ kid, privateKey }: ClientKey): client.ClientAuth {
  return client.PrivateKeyJwt({ key: privateKey, kid })
}

/** The same client, authenticating by another key. */
export function withKey(config: client.Configuration, key: ClientKey): client.Configuration {
  const same = new client.Configuration(
    config.serverMetadata(),
    config.clientMetadata().client_id,
    config.clientMetadata(),
    authenticationBy(key),
  )
  client.allowInsecureRequests(same)
  return same
}

/** Changes a registration by what only its client holds. */
export async function patch(config: client.Configuration, change: object): Promise<void> {
  const { registration_client_uri, registration_access_token } = config.clientMetadata()
  const reply = await fetch(String(registration_client_uri), {
    method: 'PATCH',
    headers: {
      authorization: `Bearer ${registration_access_token}`,
      'content-type': 'application/merge-patch+json',
    },
    body: JSON.stringify(change),
  })
  if (reply.status !== 200) throw new Error(`not changed: ${reply.status} ${await reply.text()}`)
}
