import { recordChange, recordEvent } from '@rekey/database'
import type { Transaction } from 'kysely'
import { hashSecret } from '../credentials/secret.ts'
import type { IdpTables } from '../tables.ts'
import { verifierTopic } from '../trust/credential.ts'
import { setupActor } from './actor.ts'

export interface SetupVerifier {
  clientId: string
  clientSecret: string
  name: string
}

/** One of the same name is replaced. */
export async function ensureVerifier(transaction: Transaction<IdpTables>, verifier: SetupVerifier): Promise<void> {
  const { clientId, name } = verifier
  const secretHash = hashSecret(verifier.clientSecret)
  const replaced = await transaction
    .deleteFrom('verifiers')
    .where('name', '=', name)
    .where('client_id', '!=', clientId)
    .returning('client_id')
    .execute()
  const written = await transaction
    .insertInto('verifiers')
    .values({ client_id: clientId, name, secret_hash: secretHash })
    .onConflict((conflict) =>
      conflict
        .column('client_id')
        .doUpdateSet({ secret_hash: secretHash })
        .where('verifiers.secret_hash', '!=', secretHash),
    )
    .returning('client_id')
    .executeTakeFirst()
  if (written) {
    const details = { clientId, name }
    await recordEvent(transaction, { action: 'verifier.registered', outcome: 'success', actor: setupActor, details })
  }
  for (const { client_id } of written ? [...replaced, written] : replaced) {
    await recordChange(transaction, verifierTopic, client_id)
  }
}
