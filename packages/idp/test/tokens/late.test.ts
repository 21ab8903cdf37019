import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import { type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'
import { goodClaims, jwkOf, newPair, signed } from './authentication/signer.ts'

/** The database is slow or has no connection left, and meanwhile what was presented comes to its end. */
describe('a token that comes late', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let slow: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    slow = await estate.instance({ REKEY_ISSUER: idp.url })
  })
  after(() => estate.stop())

  async function newCredential(body: object) {
    const { agentId } = (await idp.manage('POST', '/api/v1/agents', { scopes: ['agents:read'] })).body
    return (await idp.manage('POST', `/api/v1/agents/${agentId}/credentials`, body)).body
  }
  // biome-ignore lint/suspicious/noExplicitAny: as the API shows it
  const act = ({ clientId, credentialId }: any, what: string, body: object) =>
    idp.manage('POST', `/api/v1/agents/${clientId}/credentials/${credentialId}/${what}`, body)

  for (const [what, end, scopes] of [
    ['is not issued by a key that was revoked while it was written down', 'revoke', undefined],
    ['has no scope that was taken away while the assertion was written down', 'narrow', []],
  ] as const) {
    test(what, async () => {
      const pair = newPair(end)
      const credential = await newCredential({ jwk: jwkOf(pair) })
      const agent = `/api/v1/agents/${credential.clientId}`
      await idp.manage('PATCH', agent, { scopes: ['reports:read'] })
      const present = () =>
        slow.call('/api/v1/token', {
          method: 'POST',
          body: new URLSearchParams({
            grant_type: 'client_credentials',
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
            client_assertion: signed(pair, goodClaims(credential.clientId, idp.url, Date.now())),
          }),
        })
      assert.equal((await present()).body.scope, 'reports:read')
      const pending = await estate.db.transaction().execute(async (transaction) => {
        await sql`LOCK TABLE used_assertions IN ACCESS EXCLUSIVE MODE`.execute(transaction)
        const reply = present()
        await eventually(waitingForAssertions, (count) => count === 1)
        if (scopes) assert.equal((await idp.manage('PATCH', agent, { scopes })).status, 200)
        else assert.equal((await act(credential, 'revoke', { reason: 'stolen' })).status, 200)
        return { reply }
      })
      const { status, body } = await pending.reply
      if (scopes) assert.deepEqual([status, body.scope], [200, undefined])
      else assert.deepEqual([status, body.error], [401, 'invalid_client'])
    })
  }

  test('is not issued by a secret that was replaced while it waited for a connection', async () => {
    const old = await newCredential({})
    assert.equal((await slow.token(old)).status, 200)
    const ask = (of: typeof old) => slow.token(of, { scope: 'agents:read' })
    const { pool } = slow.idp.instance.connection
    const taken = await Promise.all(Array.from({ length: pool.options.max }, () => pool.connect()))
    const late = ask(old)
    await eventually(
      async () => pool.waitingCount,
      (count) => count > 0,
    )
    const rotated = await act(old, 'rotate', {})
    for (const connection of taken) connection.release()
    const { status, body } = await late
    assert.deepEqual([rotated.status, status, body.error], [200, 401, 'invalid_client'])
    assert.equal((await ask(rotated.body)).status, 200)
    const both = await act(old, 'rotate', { overlap: '1h' })
    for (const each of [rotated.body, both.body]) assert.equal((await ask(each)).status, 200)
  })

  async function waitingForAssertions(): Promise<number> {
    const { rows } = await sql<{ count: number }>`SELECT count(*)::int AS count FROM pg_locks
      WHERE NOT granted AND relation = 'used_assertions'::regclass
      AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())`.execute(estate.db)
    return rows[0]?.count ?? 0
  }
})
