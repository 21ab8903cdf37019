import { databaseNow, recordEvent } from '@rekey/database'
import type { Change, ClientKeyring, ClientPolicy, LoopStore } from '@rekey/keyring'
import { sql, type Transaction } from 'kysely'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import { saveStored } from './save.ts'
import { credentialIdOf, findStored, keyringName } from './stored.ts'

/** So many are looked at in one pass; the others come with the next. */
const mostDue = 500

/**
 * Credentials as keyrings, for the loop that lets go of what was replaced. It saves what the loop does, and its events. They are
 * created elsewhere: only there it is known whose they are.
 */
export function credentialStore(db: IdpDatabase): LoopStore<ClientPolicy> {
  return {
    load: async (name) => (await findStored(db, credentialIdOf(name)))?.keyring,
    due: async (now) => {
      const due = db
        .selectFrom('credentials')
        .select('credential_id')
        .where('next_decision_at', '<=', sql<number>`to_timestamp(${now / 1_000})`)
        .orderBy('next_decision_at')
        .limit(mostDue)
      return (await due.execute()).map((row) => keyringName(row.credential_id))
    },
    save: (previous, next, change) =>
      db.transaction().execute((transaction) => save(transaction, previous, next, change)),
    now: () => databaseNow(db),
  }
}

async function save(
  transaction: Transaction<IdpTables>,
  previous: ClientKeyring,
  next: ClientKeyring,
  { action, actor, details }: Change,
): Promise<ClientKeyring | undefined> {
  const credentialId = credentialIdOf(next.name)
  const owner = await transaction
    .selectFrom('credentials')
    .innerJoin('agents', 'agents.agent_id', 'credentials.agent_id')
    .select(['agents.agent_id', 'organization_id'])
    .where('credential_id', '=', credentialId)
    .executeTakeFirst()
  const saved = owner && (await saveStored(transaction, owner.agent_id, previous, next))
  if (!saved) return undefined
  await recordEvent(transaction, {
    action: action.replace(/^keyring\./, 'credential.'),
    outcome: 'success',
    actor,
    agentId: owner.agent_id,
    organizationId: owner.organization_id,
    details: { credentialId, ...details },
  })
  return saved
}
