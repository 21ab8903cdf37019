import { randomUUID } from 'node:crypto'
import type { Transaction } from 'kysely'
import { requireStillInUse } from '../credentials/confirm.ts'
import { createCredential, type NewCredential } from '../credentials/create.ts'
import { type Made, makeVersion } from '../credentials/make.ts'
import type { Done } from '../http/idempotency.ts'
import type { Instance } from '../instance.ts'
import type { IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'

/**
 * The credential of an organization's first agent. It is made with the agent: there is nobody in that organization yet who
 * could create one, and nobody outside may.
 */
export function firstCredential({ config, secrets, connection }: Instance, caller: Caller, agentId: string) {
  const of = { agentId, credentialId: randomUUID(), kind: 'client-secret' as const }
  return {
    make: () => makeVersion(secrets, agentId, of.credentialId, of.kind, undefined),
    discard: ({ material }: Made) => secrets.discard(material.publicPart),
    confirm: ({ revision, reply: { credential } }: Done<{ credential: NewCredential }>) =>
      requireStillInUse(connection.db, { revision, reply: credential }),
    save(transaction: Transaction<IdpTables>, organizationId: string, made: Made): Promise<Done<NewCredential>> {
      return createCredential(transaction, config, { ...caller, organizationId }, of, made, undefined)
    },
  }
}
