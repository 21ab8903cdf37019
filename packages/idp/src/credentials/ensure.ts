import { randomUUID } from 'node:crypto'
import { databaseNow, recordEvent } from '@rekey/database'
import { type ClientPolicy, succeed } from '@rekey/keyring'
import type { Transaction } from 'kysely'
import type { IdpTables } from '../tables.ts'
import { longestAssertionMs } from './policy.ts'
import { saveStored } from './save.ts'
import { hashSecret } from './secret.ts'
import { emptyKeyring, findStored } from './stored.ts'

/** Until its first rotation by an instance, whose configuration then counts. */
const firstPolicy: ClientPolicy = { quietMs: 86_400_000, assertionMs: longestAssertionMs + 30_000 }

/**
 * Gives a credential this secret, and makes the credential if there is none. Any other secret of it is dead then. The agent
 * must be there, and the credential not revoked.
 */
export async function ensureCredential(
  transaction: Transaction<IdpTables>,
  wanted: { agentId: string; credentialId: string; clientSecret: string; organizationId: string; actor: string },
): Promise<void> {
  const { agentId, credentialId, organizationId, actor } = wanted
  const sha256 = hashSecret(wanted.clientSecret).toString('hex')
  const held = (await findStored(transaction, credentialId))?.keyring
  const open = held ?? emptyKeyring(credentialId, 'client-secret', firstPolicy)
  const version = { id: randomUUID(), publicPart: { sha256 } }
  const next = succeed(open, version, null, await databaseNow(transaction))
  if (!(await saveStored(transaction, agentId, held, next))) {
    throw new Error(`the credential ${credentialId} was changed while an estate was set up`)
  }
  const action = held ? 'credential.rotated' : 'credential.generated'
  const details = { credentialId, version: version.id }
  await recordEvent(transaction, { action, outcome: 'success', actor, agentId, organizationId, details })
}
