import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Estate, startEstate, type TestInstance } from '../estate.ts'
import { askRegistration, initialToken, newKey, registerClient, sendAs } from './client.ts'

const path = '/api/oidc/register'
const redirect_uris = ['https://app.example/callback']

describe('a registration', { timeout: 120_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
  })
  after(() => estate.stop())

  describe('by an initial access token', () => {
    const refused = async (token: string | undefined, cause: string) => {
      const reply =
        token === undefined
          ? await idp.call(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
          : await askRegistration(idp, { iat: token, key: newKey() })
      assert.deepEqual([reply.status, reply.body.error], [401, 'invalid_token'])
      assert.match(reply.headers.get('www-authenticate') ?? '', /^Bearer /)
      await idp.idp.instance.gathered.flush()
      const found = await estate.db
        .selectFrom('audit_events')
        .select('details')
        .where('action', '=', 'initial_access_token.refused')
        .execute()
      assert.ok(
        found.some(({ details }) => details.cause === cause),
        cause,
      )
    }

    test('that is missing or unknown is refused', async () => {
      await refused(undefined, 'missing')
      await refused(`rki_${'x'.repeat(43)}`, 'unknown')
      await refused(await idp.management(), 'unknown')
    })

    test('that is spent is refused', async () => {
      const { token } = await initialToken(idp, { max_usages: 1 })
      await registerClient(idp, { iat: token })
      await refused(token, 'spent')
    })

    test('that has expired is refused', async () => {
      const { id, token } = await initialToken(idp, { expires_in: 60 })
      await estate.db
        .updateTable('initial_access_tokens')
        .set({ expires_at: new Date(0) })
        .where('token_id', '=', id)
        .execute()
      await refused(token, 'expired')
    })

    test('that was revoked is refused, and stays revoked', async () => {
      const { id, token } = await initialToken(idp)
      for (const _twice of [1, 2]) {
        const revoked = await idp.manage('DELETE', `/api/admin/dcr/initial-access-tokens/${id}`)
        assert.equal(revoked.status, 204)
      }
      await refused(token, 'revoked')
      const { body } = await idp.manage('GET', '/api/admin/dcr/initial-access-tokens')
      const shown = body.initial_access_tokens.find((each: { id: string }) => each.id === id)
      assert.equal(shown.status, 'revoked')
      assert.equal(shown.token, undefined)
    })

    test('is not used up by what is refused', async () => {
      const { token } = await initialToken(idp, { max_usages: 1 })
      assert.equal((await askRegistration(idp, { iat: token, redirect_uris: ['http://evil.example'] })).status, 400)
      assert.equal((await askRegistration(idp, { iat: token, key: newKey(), client_id: 'admin-1' })).status, 400)
      assert.equal((await askRegistration(idp, { iat: token, key: newKey() })).status, 201)
    })

    test('registers exactly as many as it has uses, however many try at once', async () => {
      const { id, token } = await initialToken(idp, { max_usages: 10 })
      const replies = await Promise.all(
        Array.from({ length: 50 }, () => askRegistration(idp, { iat: token, key: newKey() })),
      )
      const counted = (status: number) => replies.filter((reply) => reply.status === status).length
      assert.deepEqual([counted(201), counted(401)], [10, 40])
      const row = await estate.db
        .selectFrom('initial_access_tokens')
        .select('used')
        .where('token_id', '=', id)
        .executeTakeFirst()
      assert.equal(row?.used, 10)
      const made = await estate.db
        .selectFrom('audit_events')
        .selectAll()
        .where('actor', '=', `initial-access-token/${id}`)
        .where('action', '=', 'client.registered')
        .execute()
      assert.equal(made.length, 10)
    })

    test('that is bound to a profile registers that one alone', async () => {
      const { token } = await initialToken(idp, { client_profile: 'spa' })
      const other = await askRegistration(idp, { iat: token, profile: 'default', key: newKey() })
      assert.deepEqual([other.status, other.body.error], [400, 'invalid_client_metadata'])
      const client = await askRegistration(idp, { iat: token, redirect_uris })
      assert.equal(client.body.client_profile, 'spa')
    })
  })

  describe('whose reply was lost', () => {
    const send = (token: string, key: string, body: object) =>
      sendAs(idp, token, 'POST', path, body, { 'idempotency-key': key })

    test('is told once more by the same key, though its token is spent and has expired', async () => {
      const { id, token } = await initialToken(idp, { max_usages: 1 })
      const body = { client_profile: 'code-flow-secret', redirect_uris }
      const first = await send(token, 'lost', body)
      await estate.db
        .updateTable('initial_access_tokens')
        .set({ expires_at: new Date(0) })
        .where('token_id', '=', id)
        .execute()
      await estate.db
        .updateTable('idempotent_replies')
        .set({ at: new Date(Date.now() + 30_000) })
        .where('caller', '=', `initial-access-token/${id}`)
        .execute()
      const second = await send(token, 'lost', body)
      assert.deepEqual([first.status, second.status], [201, 201])
      assert.deepEqual(second.body, first.body)
      assert.equal(second.headers.get('etag'), first.headers.get('etag'))
    })

    test('is kept for a day, sealed', async () => {
      const { id, token } = await initialToken(idp)
      const { body } = await send(token, 'sealed', { jwks: { keys: [newKey().jwk] } })
      const row = await estate.db
        .selectFrom('idempotent_replies')
        .selectAll()
        .where('caller', '=', `initial-access-token/${id}`)
        .executeTakeFirstOrThrow()
      const hours = (row.at + 60_000 - Date.now()) / 3_600_000
      assert.ok(hours > 23.9 && hours < 24.1)
      assert.ok(!row.sealed_reply.includes(body.registration_access_token))
    })

    test('is not told where the token was revoked, nor to another request, nor by another token', async () => {
      const { id, token } = await initialToken(idp)
      const body = { jwks: { keys: [newKey().jwk] } }
      const first = await send(token, 'mine', body)
      assert.equal((await send(token, 'mine', { ...body, client_name: 'other' })).status, 422)
      const other = await initialToken(idp)
      const another = await send(other.token, 'mine', body)
      assert.notEqual(another.body.client_id, first.body.client_id)
      await idp.manage('DELETE', `/api/admin/dcr/initial-access-tokens/${id}`)
      assert.equal((await send(token, 'mine', body)).status, 401)
    })

    test('is not told when what it says is not so any more', async () => {
      const { token } = await initialToken(idp)
      const body = { jwks: { keys: [newKey().jwk] } }
      const first = await send(token, 'gone', body)
      const { registration_access_token: rat, client_id } = first.body
      assert.equal((await sendAs(idp, rat, 'DELETE', `${path}/${client_id}`)).status, 204)
      assert.equal((await send(token, 'gone', body)).status, 401)
    })

    test('is made once though it is asked for many times at once', async () => {
      const { id, token } = await initialToken(idp)
      const body = { jwks: { keys: [newKey().jwk] } }
      const replies = await Promise.all(Array.from({ length: 8 }, () => send(token, 'at once', body)))
      assert.equal(new Set(replies.map((reply) => reply.body.client_id)).size, 1)
      const row = await estate.db
        .selectFrom('initial_access_tokens')
        .select('used')
        .where('token_id', '=', id)
        .executeTakeFirst()
      assert.equal(row?.used, 1)
    })
  })
})
