import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { stateAdapter } from '../../src/oidc/state/adapter.ts'
import { type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'
import { initialToken, newKey, registerClient, sendAs } from '../registration/client.ts'

const methods = ['client_secret_basic', 'private_key_jwt']
const profiles = { either: { based_on: 'code-flow-secret', token_endpoint_auth_methods: methods } }

/** The lock that orders all changes is taken last: whoever holds it waits for nobody, so there are no deadlocks. */
describe('what ends tokens', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rekey-locks-'))
    const file = join(folder, 'profiles.json')
    await writeFile(file, JSON.stringify({ profiles }))
    estate = await startEstate()
    idp = await estate.instance({ REKEY_CLIENT_PROFILES: file })
  })
  after(async () => {
    await estate.stop()
    await rm(folder, { recursive: true })
  })

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
      const reply = await whileWaiting(
        sql`SELECT FROM opaque_tokens WHERE agent_id = ${agentId} AND scope = 'audit:read' FOR UPDATE`,
        () => idp.manage(method, all + path(credential.credentialId), body, bearer),
      )
      assert.equal(reply.status, 200)
    })
  }

  test('keeps nobody from a change while it waits for what users granted: decommissioning an agent', async () => {
    const { clientId } = await registerBySecret({})
    await grant(clientId)
    const bearer = await idp.management()
    const reply = await whileWaiting(grantsOf(clientId), () =>
      idp.manage('POST', `/api/v1/agents/${clientId}/decommission`, {}, bearer),
    )
    assert.equal(reply.status, 200)
  })

  test('keeps nobody from a change while it waits for what users granted: registering a client anew', async () => {
    const { clientId } = await registerBySecret({})
    await grant(clientId)
    const { token: iat } = await initialToken(idp, { client_id: clientId })
    const { clientId: anew } = await whileWaiting(grantsOf(clientId), () => registerBySecret({ iat }))
    assert.equal(anew, clientId)
  })

  test('keeps nobody from a change while it waits for an initial access token', async () => {
    const { clientId } = await registerBySecret({})
    for (const asked of [{}, { client_id: clientId }]) {
      const { id, token: iat } = await initialToken(idp, asked)
      const used = sql`SELECT FROM initial_access_tokens WHERE token_id = ${id} FOR UPDATE`
      assert.ok((await whileWaiting(used, () => registerBySecret({ iat }))).secret)
    }
  })

  test('keeps nobody from a change while it waits for secrets: authenticating by keys from now on', async () => {
    const wish = { profile: 'either', redirect_uris, token_endpoint_auth_method: 'client_secret_basic' }
    const { clientId, rat, path } = await registerClient(idp, wish)
    const { body: last } = await idp.manage('POST', `/api/v1/agents/${clientId}/credentials`, {})
    const held = sql`SELECT FROM credentials WHERE credential_id = ${last.credentialId} FOR UPDATE`
    const change = { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [newKey().jwk] } }
    const { status } = await whileWaiting(held, () => sendAs(idp, rat, 'PATCH', path, change))
    assert.equal(status, 200)
    const secrets = estate.db.selectFrom('credentials').select('status').where('agent_id', '=', clientId)
    assert.deepEqual(await secrets.execute(), [{ status: 'revoked' }, { status: 'revoked' }])
  })

  const redirect_uris = ['https://app.example/callback']
  const registerBySecret = (wish: object) =>
    registerClient(idp, { profile: 'code-flow-secret', redirect_uris, ...wish })

  const grant = (clientId: string) =>
    stateAdapter(idp.idp.instance)('Grant').upsert(clientId, { kind: 'Grant', accountId: 'ada', clientId }, 600)
  const grantsOf = (clientId: string) => sql`SELECT FROM oidc_state WHERE client_id = ${clientId} FOR UPDATE`

  /** Holds rows that an act waits for, and sees that it has not taken the lock that orders all changes by then. */
  async function whileWaiting<T>(rows: RawBuilder<unknown>, act: () => Promise<T>): Promise<T> {
    const { db } = estate
    const waiting = await db.transaction().execute(async (transaction) => {
      await rows.execute(transaction)
      const acted = act()
      await eventually(
        () => waitingForLocks(db),
        (count) => count === 1,
      )
      await sql`SET LOCAL lock_timeout = '500ms'`.execute(transaction)
      await sql`SELECT FROM revision FOR UPDATE`.execute(transaction)
      return { acted }
    })
    return waiting.acted
  }
})

async function waitingForLocks<Tables>(db: Kysely<Tables>): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(DISTINCT pid)::int AS count FROM pg_locks WHERE NOT granted
      AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())`.execute(db)
  return rows[0]?.count ?? 0
}
