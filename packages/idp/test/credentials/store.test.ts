import { type Connection, connect, recordEvent } from '@rekey/database'
import { testDatabase } from '@rekey/database/testing'
import type { Change, ClientKeyring, ClientPolicy, KeyringStore } from '@rekey/keyring'
import { conformsToClientStore } from '@rekey/keyring/testing'
import { saveStored } from '../../src/credentials/save.ts'
import { credentialStore } from '../../src/credentials/store.ts'
import { credentialIdOf, credentialsIn, storedOf } from '../../src/credentials/stored.ts'
import type { IdpTables } from '../../src/tables.ts'

const agentId = 'holder'

/** What only the loop needs not: creating a credential, as it is created for an agent, and reading all of them. */
function wholeStore({ db }: Connection<IdpTables>): KeyringStore<ClientPolicy> {
  const store = credentialStore(db)

  const create = (next: ClientKeyring, { action, actor, details }: Change) =>
    db.transaction().execute(async (transaction) => {
      await transaction.selectFrom('agents').selectAll().where('agent_id', '=', agentId).forUpdate().execute()
      const saved = await saveStored(transaction, agentId, undefined, next)
      const credentialId = credentialIdOf(next.name)
      const event = { action, actor, outcome: 'success', agentId, details: { credentialId, ...details } } as const
      if (saved) await recordEvent(transaction, event)
      return saved
    })

  return {
    ...store,
    save: (previous, next, change) => (previous ? store.save(previous, next, change) : create(next, change)),
    async list() {
      const rows = await credentialsIn(db).execute()
      return rows.map((row) => storedOf(row).keyring).sort((a, b) => (a.name < b.name ? -1 : 1))
    },
  }
}

conformsToClientStore('the store of credentials', async () => {
  const database = await testDatabase()
  const [one, other] = [1, 2].map(() => connect<IdpTables>(database.serviceUrl, { max: 5 })) as [
    Connection<IdpTables>,
    Connection<IdpTables>,
  ]
  await one.db.insertInto('agents').values({ agent_id: agentId, organization_id: 'default' }).execute()
  return {
    store: wholeStore(one),
    other: wholeStore(other),
    prefix: 'credential-',
    async changes(name) {
      const events = await one.db
        .selectFrom('audit_events')
        .select(['action', 'actor', 'details'])
        .where('agent_id', '=', agentId)
        .orderBy('inserted')
        .execute()
      return events.flatMap(({ action, actor, details: { credentialId, ...details } }) => {
        // What the loop does to a keyring is told of a credential.
        const change = { action: action.replace('credential.', 'keyring.'), actor, details }
        return credentialId === credentialIdOf(name) ? [change] : []
      })
    },
    async close() {
      await one.close()
      await other.close()
      await database.drop()
    },
  }
})
