import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sql } from 'kysely'
import { admin, type Reply } from '../estate.ts'
import { pathOf, settingOf, type TestCredential } from './setting.ts'

describe('Idempotency-Key', { timeout: 60_000 }, () => {
  const setting = settingOf(2)
  const { credential, accepted, detail } = setting

  async function send(
    path: string,
    key: string,
    body: object,
    { number = 0, as = admin, bearer = '' } = {},
  ): Promise<Reply> {
    const idp = setting.idp(number)
    const headers = {
      authorization: `Bearer ${bearer || (await idp.management(as))}`,
      'content-type': 'application/json',
      'idempotency-key': key,
    }
    return idp.call(path, { method: 'POST', headers, body: JSON.stringify(body) })
  }
  const rotate = (of: TestCredential, key: string, body: object = {}, how = {}) =>
    send(`${pathOf(of)}/rotate`, key, body, how)
  const credentialsOf = async ({ clientId }: TestCredential) =>
    (await setting.idp().manage('GET', `/api/v1/agents/${clientId}/credentials`)).body.credentials

  test('gives a lost reply once more, by every instance', async () => {
    const old = await credential()
    const first = await rotate(old, 'lost')
    const second = await rotate(old, 'lost', {}, { number: 1 })
    assert.deepEqual([second.status, second.body], [200, first.body])
    assert.deepEqual(await accepted(second.body), [true, true])
    assert.equal((await detail(old)).versions.length, 2, 'it was rotated once')
    assert.equal(second.headers.get('cache-control'), 'no-store')
  })

  test('does the same for a credential that is created', async () => {
    const path = `/api/v1/agents/${(await credential()).clientId}/credentials`
    const [first, second] = [await send(path, 'new', {}), await send(path, 'new', {})]
    assert.deepEqual([first.status, second.status, second.body], [201, 201, first.body])
    assert.equal((await credentialsOf(first.body)).length, 2)
  })

  test('makes one change of requests that come at once', async () => {
    const old = await credential()
    const how = [0, 1, 0, 1, 0].map((number) => ({ number }))
    const replies = await Promise.all(how.map((each) => rotate(old, 'at once', {}, each)))
    assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([200]))
    assert.equal(new Set(replies.map(({ body }) => body.clientSecret)).size, 1)
    assert.equal((await detail(old)).versions.length, 2)
  })

  test("of another caller is another key: nobody gets anybody else's secret", async () => {
    const other = await credential({}, { scopes: ['agents:write'] })
    const old = await credential()
    const mine = await rotate(old, 'shared')
    const theirs = await rotate(old, 'shared', {}, { as: other })
    assert.equal(theirs.status, 200)
    assert.notEqual(theirs.body.clientSecret, mine.body.clientSecret)
    const again = await rotate(old, 'shared')
    assert.deepEqual([again.status, again.body.code], [409, 'CREDENTIAL_CHANGED'], 'mine is dead by theirs')
  })

  test('does not give a token of fewer scopes what a token of the same caller with more of them got', async () => {
    const old = await credential({}, { scopes: ['audit:read'] })
    const path = pathOf(old)
    const narrow = (await setting.idp().token(admin, { scope: 'agents:write' })).body.access_token
    assert.equal((await rotate(old, 'narrow')).status, 200)
    assert.equal((await send(path.replace(/\/[^/]+$/, ''), 'narrow create', {})).status, 201)
    for (const [at, key] of [
      [`${path}/rotate`, 'narrow'],
      [path.replace(/\/[^/]+$/, ''), 'narrow create'],
    ] as const) {
      const reply = await send(at, key, {}, { bearer: narrow })
      assert.deepEqual(
        [reply.status, reply.body.code, 'clientSecret' in reply.body],
        [403, 'INSUFFICIENT_SCOPE', false],
      )
    }
  })

  test('gives nobody a secret that is dead by now', async () => {
    const made = await credential()
    const all = pathOf(made).replace(/\/[^/]+$/, '')
    const first = (await send(all, 'dead create', {})).body
    const second = (await rotate(first, 'dead')).body
    const replaced = await send(all, 'dead create', {})
    assert.deepEqual([replaced.status, replaced.body.code], [409, 'CREDENTIAL_CHANGED'])
    assert.equal((await rotate(first, 'dead')).body.clientSecret, second.clientSecret, 'this one works')
    await setting.idp().manage('POST', `${pathOf(first)}/revoke`, { reason: 'leaked' })
    for (const reply of [await rotate(first, 'dead', {}, { number: 1 }), await send(all, 'dead create', {})]) {
      assert.deepEqual([reply.status, reply.body.code], [409, 'CREDENTIAL_REVOKED'])
    }
    const founder = { organizationId: 'idempotent-tenant', scopes: ['agents:write'] }
    const begun = (await send('/api/v1/agents', 'tenant', founder)).body
    assert.deepEqual((await send('/api/v1/agents', 'tenant', founder)).body, begun)
    await sql`UPDATE credentials SET document = jsonb_set(document, '{versions,0,state}', '"revoked"')
      WHERE agent_id = ${begun.agentId}`.execute(setting.estate().db)
    assert.equal((await send('/api/v1/agents', 'tenant', founder)).body.code, 'CREDENTIAL_REVOKED')
  })

  test('of another request is refused', async () => {
    const old = await credential()
    await rotate(old, 'reused')
    const others = [
      rotate(old, 'reused', { overlap: '1h' }),
      rotate(await credential(), 'reused'),
      send(pathOf(old).replace(/\/[^/]+$/, ''), 'reused', {}),
    ]
    for (const reply of await Promise.all(others)) {
      assert.deepEqual([reply.status, reply.body.code], [422, 'IDEMPOTENCY_KEY_REUSED'])
    }
  })

  test('is forgotten after a minute', async () => {
    const old = await credential()
    const first = await rotate(old, 'minute')
    await sql`UPDATE idempotent_replies SET at = at - interval '61 seconds'`.execute(setting.estate().db)
    const second = await rotate(old, 'minute')
    assert.notEqual(second.body.clientSecret, first.body.clientSecret)
    assert.deepEqual(await accepted(first.body), [false, false])
  })

  test('keeps nothing of what was refused', async () => {
    const old = await credential()
    assert.equal((await rotate(old, 'refused', { expiresAt: '2001-01-01T00:00:00Z' })).status, 400)
    assert.equal((await rotate(old, 'refused')).status, 200)
  })

  test('is kept sealed, and opens in its own row only', async () => {
    const { db } = setting.estate()
    const old = await credential()
    const { body } = await rotate(old, 'sealed')
    assert.equal((await setting.stored(old)).includes(body.clientSecret), false)
    const other = await credential({}, { scopes: ['agents:write'] })
    const moved = await sql`UPDATE idempotent_replies SET caller = ${other.clientId}
      WHERE sealed_reply = (SELECT sealed_reply FROM idempotent_replies ORDER BY at DESC LIMIT 1)`.execute(db)
    assert.equal(moved.numAffectedRows, 1n)
    const reply = await rotate(old, 'sealed', {}, { as: other })
    assert.deepEqual([reply.status >= 500, JSON.stringify(reply.body).includes('sk_live_')], [true, false])
  })

  test('that is none is refused', async () => {
    const old = await credential()
    for (const key of ['', 'x'.repeat(201), 'caf\u00e9']) {
      const reply = await rotate(old, key)
      assert.deepEqual([reply.status, reply.body.code], [400, 'INVALID_REQUEST'], key)
    }
  })
})
