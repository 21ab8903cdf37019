import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Verifier } from '@rekey/verifier'
import { sql } from 'kysely'
import { mostDenied } from '../../src/denied/store.ts'
import { managementScopes } from '../../src/index.ts'
import { startApi, verdictOf } from '../api.ts'
import {
  admin,
  agent,
  basic,
  decodeUnverified,
  type Estate,
  eventually,
  startEstate,
  type TestInstance,
  verifier,
} from '../estate.ts'
import { addClients, asking, colleague, eventsOf, post, retireKeyOf, stranger } from './clients.ts'

describe('revocation', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let other: TestInstance
  let api: Verifier
  before(async () => {
    estate = await startEstate()
    await addClients(estate)
    idp = await estate.instance()
    other = await estate.instance({ REKEY_ISSUER: idp.url })
    api = await startApi(idp, other)
  })
  after(async () => {
    await api.close()
    await estate.stop()
  })

  const fresh = async (of = agent) => (await idp.token(of)).body.access_token as string
  const revoke = (token: string, by: typeof admin | string | null = agent, more: Record<string, string> = {}) =>
    post(idp, 'revoke', { token, ...more }, by)
  const isActive = async (token: string, at = idp) => (await post(at, 'introspect', { token }, asking)).body.active
  const codeOf = (token: string) => verdictOf(api, token)
  const denials = async () => (await idp.manage('GET', '/api/v1/denied')).body.entries as { jti?: string }[]

  test('of a JWT is done at every instance when it is answered, and at verifiers a moment later', async () => {
    const [token, kept] = [await fresh(), await fresh()]
    assert.equal(codeOf(token), 'ok')
    const reply = await revoke(token)
    assert.deepEqual([reply.status, reply.body], [200, ''])
    for (const at of [idp, other]) assert.equal(await isActive(token, at), false)
    await eventually(
      async () => codeOf(token),
      (code) => code === 'token_denied',
    )
    assert.equal(codeOf(kept), 'ok')
    assert.equal(await isActive(kept), true)
    const { jti } = decodeUnverified(token).payload
    const event = (await eventsOf(estate, 'token.revoked')).at(-1)
    assert.deepEqual(event, {
      action: 'token.revoked',
      outcome: 'success',
      actor: agent.clientId,
      agent_id: agent.clientId,
      organization_id: 'default',
      details: { form: 'jwt', jti },
    })
  })

  test('of an opaque token is done when it is answered, and its secret stands nowhere', async () => {
    const token = await idp.management(admin)
    assert.equal((await revoke(token, admin)).status, 200)
    for (const at of [idp, other]) {
      assert.equal((await at.manage('GET', '/api/v1/denied', undefined, token)).status, 401)
      assert.equal(await isActive(token, at), false)
    }
    const event = (await eventsOf(estate, 'token.revoked')).at(-1)
    assert.deepEqual(event?.details, { form: 'opaque', scope: managementScopes.join(' ') })
    assert.equal(JSON.stringify(event).includes(token), false)
  })

  test('asked for again is answered the same, and written down once', async () => {
    const [jwt, opaque] = [await fresh(), (await idp.token(asking, { scope: 'tokens:read' })).body.access_token]
    const before = (await eventsOf(estate, 'token.revoked')).length
    for (const [token, by] of [
      [jwt, agent],
      [opaque, asking],
    ] as const) {
      for (const at of [idp, other, idp]) assert.equal((await post(at, 'revoke', { token }, by)).status, 200)
    }
    assert.equal((await eventsOf(estate, 'token.revoked')).length, before + 2)
  })

  test('takes any hint', async () => {
    for (const hint of ['access_token', 'refresh_token', 'anything']) {
      const token = await fresh()
      assert.equal((await revoke(token, agent, { token_type_hint: hint })).status, 200)
      assert.equal(await isActive(token), false)
    }
  })

  test('by an administrator ends the tokens of his organization, by its name in the audit', async () => {
    const bearer = `Bearer ${await idp.management(admin)}`
    for (const token of [await fresh(colleague), await idp.management(asking)]) {
      assert.equal((await revoke(token, bearer)).status, 200)
      assert.equal(await isActive(token), false)
      const event = (await eventsOf(estate, 'token.revoked')).at(-1)
      assert.equal(event?.actor, admin.clientId)
      assert.notEqual(event?.agent_id, admin.clientId)
    }
  })

  test('of what is not one’s own is refused, and changes nothing', async () => {
    const opaque = await idp.management(asking)
    const bearer = `Bearer ${(await idp.token(stranger, { scope: 'agents:write' })).body.access_token}`
    for (const token of [await fresh(), opaque]) {
      for (const by of [colleague, stranger, admin, bearer]) {
        const reply = await revoke(token, by)
        assert.deepEqual([reply.status, reply.body.error], [403, 'unauthorized_client'])
      }
      assert.equal(await isActive(token), true)
    }
    const weak = `Bearer ${(await idp.token(asking, { scope: 'tokens:read' })).body.access_token}`
    const reply = await revoke(await fresh(), weak)
    assert.deepEqual([reply.status, reply.body.error], [403, 'insufficient_scope'])
  })

  test('of what is not good is no error, and nothing is written', async () => {
    const [header, payload] = (await fresh()).split('.')
    const other = (await fresh()).split('.')[2]
    const ofRetiredKey = await fresh()
    await retireKeyOf(idp, ofRetiredKey)
    const [before, denied] = [await eventsOf(estate, 'token.revoked'), await denials()]
    for (const token of ['x', 'a.b.c', `${header}.${payload}.${other}`, `rkt_${'A'.repeat(43)}`, ofRetiredKey]) {
      assert.equal((await revoke(token)).status, 200, token.slice(0, 20))
    }
    assert.equal((await eventsOf(estate, 'token.revoked')).length, before.length)
    assert.equal((await denials()).length, denied.length)
  })

  test('of a JWT that has just expired is carried out: a verifier whose clock is behind may still take it', async () => {
    const short = await estate.instance({ REKEY_ISSUER: idp.url, REKEY_ACCESS_TOKEN_TTL: '1s' })
    const token = (await short.token(agent)).body.access_token as string
    await short.close()
    const { jti } = decodeUnverified(token).payload
    await eventually(
      () => isActive(token),
      (active) => !active,
    )
    assert.equal((await revoke(token)).status, 200)
    assert.ok((await denials()).some((entry) => entry.jti === jti))
  })

  test('refuses whoever does not authenticate', async () => {
    const token = await fresh()
    for (const [by, error] of [
      [null, 'invalid_client'],
      [{ ...agent, clientSecret: 'sk_live_wrong' }, 'invalid_client'],
      [verifier, 'invalid_client'],
      [`Bearer ${token}`, 'invalid_token'],
      ['Bearer x', 'invalid_token'],
    ] as const) {
      const reply = await revoke(token, by)
      assert.deepEqual([reply.status, reply.body.error], [401, error])
    }
    assert.equal(await isActive(token), true)
  })

  test('refuses what is no form of its kind', async () => {
    const authorization = basic(agent)
    const form = 'application/x-www-form-urlencoded'
    for (const [body, type] of [
      ['{"token":"x"}', 'application/json'],
      ['', form],
      ['token=', form],
      ['token=a&token=b', form],
    ] as const) {
      const init = { method: 'POST', headers: { authorization, 'content-type': type }, body }
      const reply = await idp.call('/api/v1/token/revoke', init)
      assert.deepEqual([reply.status, reply.body.error], [400, 'invalid_request'])
      assert.equal(reply.headers.get('cache-control'), 'no-store')
    }
    const get = await idp.call('/api/v1/token/revoke?token=x', { headers: { authorization } })
    assert.deepEqual([get.status, get.headers.get('allow')], [405, 'POST'])
  })

  test('has an end for each client, which is no other’s, and none for an administrator', async () => {
    const fill = (most: number, from: number) =>
      sql`
        INSERT INTO denied (kind, value, ends_at, revision, denied_by)
        SELECT 'jti', 'own-' || n, now() + interval '1 hour', 1, ${agent.clientId} FROM generate_series(${from}::int, ${most}::int) n
      `.execute(estate.db)
    const { rows } = await sql<{ own: number }>`
      SELECT count(*)::int AS own FROM denied WHERE denied_by = ${agent.clientId}`.execute(estate.db)
    assert.ok((rows[0]?.own ?? 0) > 0, 'it is known who revoked')
    const last = await fresh()
    await fill(999, (rows[0]?.own ?? 0) + 1)
    assert.equal((await revoke(last)).status, 200)
    const [token, others, third] = [await fresh(), await fresh(colleague), await fresh()]
    const reply = await revoke(token)
    assert.deepEqual([reply.status, reply.body.error], [503, 'temporarily_unavailable'])
    assert.equal(await isActive(token), true)
    assert.equal((await revoke(others, colleague)).status, 200)
    const bearer = `Bearer ${await idp.management(admin)}`
    assert.equal((await revoke(token, bearer)).status, 200)
    await fill(mostDenied / 2, 1_001)
    assert.equal((await revoke(await fresh(colleague), colleague)).status, 503, 'of all clients together')
    assert.equal((await revoke(third, bearer)).status, 200, 'an administrator')
    await sql`DELETE FROM denied WHERE value LIKE 'own-%'`.execute(estate.db)
  })

  test('leaves half of the deny-list to whoever has an incident to contain', async () => {
    const [first, second] = [await fresh(), await fresh()]
    const { length } = await denials()
    await sql`
      INSERT INTO denied (kind, value, ends_at, revision)
      SELECT 'sid', 'filling-' || n, now() + interval '1 hour', 1 FROM generate_series(1, ${mostDenied / 2 - length - 1}) n
    `.execute(estate.db)
    assert.equal((await revoke(first)).status, 200)
    const reply = await revoke(second)
    assert.deepEqual([reply.status, reply.body.error], [503, 'temporarily_unavailable'])
    assert.ok(reply.headers.get('retry-after'))
    assert.equal(await isActive(second), true)
    assert.equal((await revoke(first)).status, 200, 'what is revoked already needs no room')
    const { jti } = decodeUnverified(second).payload
    assert.equal((await idp.manage('POST', '/api/v1/denied', { entries: [{ jti }] })).status, 200)
    assert.equal(await isActive(second), false)
  })
})
