import type { FastifyRequest } from 'fastify'
import { matchesHash, nobodysHash } from '../credentials/secret.ts'
import { IdpError } from '../error.ts'
import type { Instance } from '../instance.ts'
import { demanding } from '../openapi/security.ts'
import type { IdpDatabase } from '../tables.ts'
import { basicCredential } from '../tokens/authentication/presented.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Client id of the verifier that calls; set on the routes of the trust feed. */
    verifierId: string
  }
}

/** The topic under which a change to a verifier's credential is announced; the key is its client id. */
export const verifierTopic = 'verifier'

/** What is needed to know a verifier by. */
export interface VerifierCredential {
  clientId: string
  secretHash: Buffer
}

/**
 * Lets a request pass whose HTTP Basic credential is that of a registered verifier. A secret and not a JWT: what tells
 * verifiers that a signing key was stolen must not hang on a signing key.
 */
export function requireVerifier(instance: Instance) {
  return demanding({ verifier: [] }, async (request: FastifyRequest): Promise<void> => {
    instance.requireLease()
    const presented = basicCredential(request.headers.authorization ?? '')
    const found = presented && (await instance.verifierCredentials.get(presented.clientId))
    const matches = matchesHash(presented?.secret ?? '', found?.secretHash ?? nobodysHash)
    if (found && matches) request.verifierId = found.clientId
    else refuse(instance, request, presented !== undefined)
  })
}

function refuse({ limits }: Instance, request: FastifyRequest, tried: boolean): never {
  if (tried) limits.failed(request.ip)
  throw new IdpError('UNAUTHENTICATED', 'a registered verifier must authenticate by HTTP Basic')
}

export async function findVerifier(db: IdpDatabase, clientId: string): Promise<VerifierCredential | undefined> {
  const row = await db
    .selectFrom('verifiers')
    .select(['client_id', 'secret_hash'])
    .where('client_id', '=', clientId)
    .executeTakeFirst()
  return row && { clientId: row.client_id, secretHash: row.secret_hash }
}
