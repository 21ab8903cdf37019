import type { FastifyRequest } from 'fastify'
import { matchesHash, nobodysHash } from '../agents/secret.ts'
import { IdpError } from '../error.ts'
import type { Instance } from '../instance.ts'
import type { IdpDatabase } from '../tables.ts'
import { basicCredential } from '../tokens/client-authentication.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Client id of the verifier that calls; set on the routes of the trust feed. */
    verifierId: string
  }
}

/**
 * Lets a request pass whose HTTP Basic credential is that of a registered verifier. A secret and not a JWT: what tells
 * verifiers that a signing key was stolen must not hang on a signing key.
 */
export function requireVerifier(instance: Instance) {
  return async (request: FastifyRequest): Promise<void> => {
    instance.requireLease()
    const presented = basicCredential(request.headers.authorization ?? '')
    if (presented) instance.requireRoom()
    const found = presented && (await findVerifier(instance.connection.db, presented.clientId))
    const matches = matchesHash(presented?.secret ?? '', found?.secret_hash ?? nobodysHash)
    if (!found || !matches)
      throw new IdpError('UNAUTHENTICATED', 'a registered verifier must authenticate by HTTP Basic')
    request.verifierId = found.client_id
  }
}

function findVerifier(db: IdpDatabase, clientId: string) {
  return db
    .selectFrom('verifiers')
    .select(['client_id', 'secret_hash'])
    .where('client_id', '=', clientId)
    .executeTakeFirst()
}
