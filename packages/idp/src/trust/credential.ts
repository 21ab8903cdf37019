import { matchesHash, nobodysHash } from '../agents/secret.ts'
import { IdpError } from '../error.ts'
import type { IdpDatabase } from '../tables.ts'
import { basicCredential } from '../tokens/client-authentication.ts'

/**
 * Authenticates a verifier by HTTP Basic. A secret and not a JWT: what tells verifiers that a signing key was stolen must
 * not hang on a signing key.
 *
 * @returns its client id
 * @throws IdpError `UNAUTHENTICATED`
 */
export async function authenticateVerifier(db: IdpDatabase, authorization: string | undefined): Promise<string> {
  const presented = basicCredential(authorization ?? '')
  const found = presented && (await findVerifier(db, presented.clientId))
  const matches = matchesHash(presented?.secret ?? '', found?.secret_hash ?? nobodysHash)
  if (!found || !matches) throw new IdpError('UNAUTHENTICATED', 'a registered verifier must authenticate by HTTP Basic')
  return found.client_id
}

function findVerifier(db: IdpDatabase, clientId: string) {
  return db
    .selectFrom('verifiers')
    .select(['client_id', 'secret_hash'])
    .where('client_id', '=', clientId)
    .executeTakeFirst()
}
