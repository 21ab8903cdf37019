import { randomBytes } from 'node:crypto'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import type { Client } from '../credentials/client.ts'
import type { Instance } from '../instance.ts'
import type { ClientMetadata } from '../registration/stored.ts'
import { isPrintable } from '../tokens/authentication/presented.ts'
import { userScopes } from '../tokens/user-scopes.ts'

/** What the provider is not told of a client: it neither authenticates clients nor encrypts to them. */
const kept = ['jwks', 'jwks_uri', 'token_endpoint_auth_method', 'token_endpoint_auth_signing_alg']

/** The provider demands one of each client that authenticates; it is compared with nothing. */
const placeholder = randomBytes(32).toString('base64url')

/** Is it a client that cannot keep a secret, and so does not authenticate (RFC 6749 §2.1)? */
export function isPublic({ registration }: Pick<Client, 'registration'>): boolean {
  return registration?.metadata.token_endpoint_auth_method === 'none'
}

/** Clients as the provider finds them: agents that registered and are active, as this instance holds them in memory. */
export function clientAdapter({ clients }: Pick<Instance, 'clients'>, defaults: () => ClientMetadata): Adapter {
  async function find(id: string): Promise<AdapterPayload | undefined> {
    if (!isPrintable(id)) return undefined
    const client = await clients.get(id)
    return client?.registration ? shown(client, client.registration.metadata, defaults()) : undefined
  }
  const readOnly = async () => {
    throw new Error('clients are not changed by the provider')
  }
  return {
    find,
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    upsert: readOnly,
    consume: readOnly,
    destroy: readOnly,
    revokeByGrantId: readOnly,
  }
}

function shown(client: Client, metadata: ClientMetadata, defaults: ClientMetadata): AdapterPayload {
  const told = Object.entries({ ...defaults, ...metadata }).filter(([name]) => !kept.includes(name))
  const authentication = isPublic(client)
    ? { token_endpoint_auth_method: 'none' }
    : { token_endpoint_auth_method: 'client_secret_post', client_secret: placeholder }
  const scope = userScopes.filter((name) => name === 'openid' || client.scopes.includes(name)).join(' ')
  return { ...Object.fromEntries(told), ...authentication, scope, client_id: client.clientId } as AdapterPayload
}
