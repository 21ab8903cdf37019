import { randomUUID } from 'node:crypto'
import type { ClientMaterial } from '@rekey/keyring'
import { IdpError } from '../error.ts'
import type { ClientSecrets } from './kept.ts'
import { readClientJwk } from './key.ts'
import { newClientSecret } from './secret.ts'
import type { StoredCredential } from './stored.ts'

/** A version that is about to become a credential's active one, and what only its client is told of it. */
export interface Made {
  material: ClientMaterial
  told: { clientSecret: string } | { kid: string }
}

export type GivenJwk = Readonly<Record<string, unknown>> | undefined

/**
 * Makes a secret, or takes the client's public key. Where secrets are kept outside the database it is there when this resolves.
 *
 * @param signs whether its client signs assertions by the secret (client_secret_jwt)
 * @throws IdpError `INVALID_REQUEST`, `VAULT_UNAVAILABLE`, `VAULT_REFUSED`
 */
export async function makeVersion(
  secrets: ClientSecrets,
  agentId: string,
  credentialId: string,
  kind: StoredCredential['kind'],
  jwk: GivenJwk,
  signs = false,
): Promise<Made> {
  if (kind === 'client-key') return takeKey(jwk)
  if (jwk) throw new IdpError('INVALID_REQUEST', 'jwk: this credential is a secret, which is made here')
  const clientSecret = newClientSecret()
  const id = randomUUID()
  const publicPart = await secrets.keep(agentId, credentialId, clientSecret, signs ? id : undefined)
  return { material: { id, publicPart }, told: { clientSecret } }
}

function takeKey(jwk: GivenJwk): Made {
  if (!jwk) throw new IdpError('INVALID_REQUEST', 'jwk: the public key of the client is missing')
  const key = readClientJwk(jwk)
  return { material: { id: key.kid, publicPart: { ...key } }, told: { kid: key.kid } }
}
