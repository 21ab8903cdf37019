import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Kysely, sql } from 'kysely'
import { type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'

/** The lock that orders all changes is taken last: whoever holds it waits for nobody, so there are no deadlocks. */
describe('what ends tokens', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
  })
  after(() => estate.stop())

  const acts: [string, string, (credentialId: string) => string, object][] = [
    ['revoking a credential', 'POST', (id) => `/credentials/${id}/revoke`, { reason: 'test' }],
    ['suspending an agent', 'POST', () => '/suspend', {}],
    ['decommissioning an agent', 'POST', () => '/decommission', {}],
    ['taking scopes away', 'PATCH', () => '', { scopes: [] }],
    ['taking scopes away and suspending', 'PATCH', () => '', { scopes: ['audit:read'], status: 'suspended' }],
  ]
  for (const [what, method, path, body] of acts) {
    test(`keeps nobody from a change while it waits for tokens: ${what}`, async () => {
      const { agentId } = (await idp.manage('POST', '/api/v1/agents', { scopes: ['agents:read', 'audit:read'] })).body
      const all = `/api/v1/agents/${agentId}`
      const credential = (await idp.manage('POST', `${all}/credentials`, {})).body
      for (const scope of ['agents:read', 'audit:read'])
        assert.equal((await idp.token(credential, { scope })).status, 200)
      const bearer = await idp.management()
      const { db } = estate
      const waiting = await db.transaction().execute(async (transaction) => {
        await sql`SELECT FROM opaque_tokens WHERE agent_id = ${agentId} AND scope = 'audit:read' FOR UPDATE`.execute(
          transaction,
        )
        const reply = idp.manage(method, all + path(credential.credentialId), body, bearer)
        await eventually(
          () => waitingForLocks(db),
          (count) => count === 1,
        )
        await sql`SET LOCAL lock_timeout = '500ms'`.execute(transaction)
        await sql`SELECT FROM revision FOR UPDATE`.execute(transaction)
        return { reply }
      })
      assert.equal((await waiting.reply).status, 200)
    })
  }
})

async function waitingForLocks<Tables>(db: Kysely<Tables>): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(DISTINCT pid)::int AS count FROM pg_locks WHERE NOT granted
      AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())`.execute(db)
  return rows[0]?.count ?? 0
}
