/** How a client authenticates at the token endpoint, by what it registered. */
import type { HeldKey, HeldSecret } from '../credentials/client.ts'
import type { IdpDatabase } from '../tables.ts'
import type { ClientMetadata } from './stored.ts'

type Method = Pick<ClientMetadata, 'token_endpoint_auth_method'> | undefined

/** RFC 7591 §2. */
const methodUnlessNamed = 'client_secret_basic'

function methodOf(metadata: NonNullable<Method>): string {
  return metadata.token_endpoint_auth_method ?? methodUnlessNamed
}

/** Does it authenticate by a secret, which is made here and told once? */
export function isBySecret(metadata: NonNullable<Method>): boolean {
  return methodOf(metadata).startsWith('client_secret_')
}

/** Does it sign assertions by its secret? Then the secret is kept so that it can be read again. */
export function signsBySecret(metadata: Method): boolean {
  return metadata?.token_endpoint_auth_method === 'client_secret_jwt'
}

/** The same of an agent, which may not have registered. */
export async function isSigning(db: IdpDatabase, agentId: string): Promise<boolean> {
  const row = await db.selectFrom('clients').select('metadata').where('client_id', '=', agentId).executeTakeFirst()
  return signsBySecret(row?.metadata)
}

/**
 * Did a client authenticate as it registered (RFC 7591 §2)? By its secret it may send that in the header or in the form.
 *
 * @param held by which it did
 * @param algorithm of its assertion; `undefined` where it sent the secret itself
 */
export function isRegisteredWay(
  metadata: ClientMetadata,
  held: HeldKey | HeldSecret,
  algorithm: string | undefined,
): boolean {
  const method = methodOf(metadata)
  if (algorithm === undefined) return method === 'client_secret_basic' || method === 'client_secret_post'
  const { token_endpoint_auth_signing_alg: registered = algorithm } = metadata
  return method === ('kid' in held ? 'private_key_jwt' : 'client_secret_jwt') && registered === algorithm
}
