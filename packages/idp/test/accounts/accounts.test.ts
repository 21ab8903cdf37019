import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { checkPassword } from '../../src/accounts/check-password.ts'
import { addClient, auditReader } from '../audit/reading.ts'
import { admin, agent, type Estate, startEstate, type TestInstance } from '../estate.ts'

const password = 'correct horse battery'

describe('accounts', { timeout: 180_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let bearer: string
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    bearer = await idp.management()
  })
  after(() => estate.stop())

  let made = 0
  const manage = (method: string, path: string, body?: unknown, by = bearer) =>
    idp.manage(method, `/api/v1/accounts${path}`, body, by)
  const create = async (more: object = {}) => {
    made += 1
    const { status, body } = await manage('POST', '', { username: `user-${made}`, password, ...more })
    assert.equal(status, 201, JSON.stringify(body))
    return body as { accountId: string; username: string }
  }
  const logIn = (username: string, typed = password, address = '192.0.2.1') =>
    checkPassword(idp.idp.instance, { username, password: typed, address })

  test('are created, shown, listed and changed, and never show what a password is stored as', async () => {
    const said = { name: 'Ann Example', email: 'ann@example.com', emailVerified: true, roles: ['ops', 'ops'] }
    const { accountId, username } = await create(said)
    const shown = await manage('GET', `/${accountId}`)
    assert.equal(shown.status, 200)
    const { createdAt, changedAt, passwordChangedAt, ...rest } = shown.body
    assert.ok([createdAt, changedAt, passwordChangedAt].every((time) => Date.parse(time) > 0))
    const expected = { accountId, username, organizationId: 'default', status: 'active', ...said, roles: ['ops'] }
    assert.deepEqual(rest, expected)
    const listed = await manage('GET', `?username=${username.toUpperCase()}`)
    assert.deepEqual([listed.body.accounts, listed.body.nextCursor], [[shown.body], null])
    const changed = await manage('PATCH', `/${accountId}`, { email: 'new@example.com', name: null })
    assert.equal(changed.body.email, 'new@example.com')
    assert.deepEqual([changed.body.name, changed.body.emailVerified], [undefined, undefined])
    for (const { body } of [shown, listed, changed]) assert.doesNotMatch(JSON.stringify(body), /argon2|horse/)
  })

  test('are listed page by page, in the order in which they were made', async () => {
    const ids = [await create(), await create(), await create()].map(({ accountId }) => accountId)
    const found: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await manage('GET', `?limit=2${cursor ? `&cursor=${cursor}` : ''}`)
      assert.ok(body.accounts.length <= 2)
      found.push(...body.accounts.map(({ accountId }: { accountId: string }) => accountId))
      cursor = body.nextCursor
    }
    assert.deepEqual(found.slice(-3), ids)
  })

  test('get a password that is told once where none is given, also when the reply was lost', async () => {
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json', 'idempotency-key': 'lost' }
    const ask = (body: object) => idp.call('/api/v1/accounts', { method: 'POST', headers, body: JSON.stringify(body) })
    const [first, again] = [await ask({ username: 'lost' }), await ask({ username: 'lost' })]
    assert.equal(first.status, 201)
    assert.deepEqual(again.body, first.body)
    assert.match(first.body.password, /^[a-z2-9]{32}$/)
    assert.equal((await logIn('lost', first.body.password))?.account_id, first.body.accountId)
    const { body } = await manage('GET', `/${first.body.accountId}`)
    assert.equal(body.password, undefined)
    assert.equal((await ask({ username: 'lost', password })).body.code, 'IDEMPOTENCY_KEY_REUSED')
  })

  test('have one username each, whatever its case', async () => {
    const { username } = await create()
    const taken = await manage('POST', '', { username: username.toUpperCase(), password })
    assert.deepEqual([taken.status, taken.body.code], [409, 'ALREADY_EXISTS'])
  })

  test('are refused with a short password, a username or a member that is none, and nothing of it is repeated', async () => {
    for (const body of [
      { username: 'short', password: 'hunter2' },
      { username: 'two words', password },
      { username: 'x', password, admin: true },
      { username: 'x', password, email: 'nobody' },
      { username: 'x', password, picture: 'javascript:alert(1)' },
      { password },
    ]) {
      const { status, body: reply } = await manage('POST', '', body)
      assert.deepEqual([status, reply.code], [400, 'INVALID_REQUEST'])
      assert.doesNotMatch(JSON.stringify(reply), /hunter2|two words|alert/)
    }
  })

  test('are administered by the scope admin.api alone, and by their own organization', async () => {
    const { accountId } = await create()
    const scoped = (await idp.token(admin, { scope: 'agents:write' })).body.access_token
    const calls = [
      ['GET', ''],
      ['GET', `/${accountId}`],
      ['POST', '', { username: 'z', password }],
      ['PATCH', `/${accountId}`, { name: 'x' }],
      ['POST', `/${accountId}/disable`],
    ] as const
    const other = { clientId: 'other-1', clientSecret: `sk_live_${'f'.repeat(64)}`, organizationId: 'acme' }
    await addClient(estate, other, ['admin.api'])
    const foreign = (await idp.token(other, { scope: 'admin.api' })).body.access_token
    for (const [method, path, body] of calls) {
      assert.equal((await manage(method, path, body, scoped)).body.code, 'INSUFFICIENT_SCOPE')
      assert.equal((await manage(method, path, body, foreign)).body.code, 'FORBIDDEN')
      assert.equal((await manage(method, path, body, (await idp.token(agent)).body.access_token)).status, 401)
    }
    await estate.db
      .updateTable('accounts')
      .set({ organization_id: 'acme' })
      .where('account_id', '=', accountId)
      .execute()
    assert.equal((await manage('PATCH', `/${accountId}`, { name: 'x' })).body.code, 'FORBIDDEN')
    assert.equal((await manage('GET', '/nobody')).body.code, 'UNKNOWN_ACCOUNT')
  })

  test('leave in the audit what changed, and no password', async () => {
    const { accountId } = await create({ name: 'Before' })
    await manage('PATCH', `/${accountId}`, { name: 'After', password: 'another good password' })
    await manage('PATCH', `/${accountId}`, { name: 'After' })
    await manage('PATCH', `/${accountId}`, { status: 'disabled' })
    await manage('POST', `/${accountId}/disable`)
    await manage('PATCH', `/${accountId}`, { status: 'active' })
    const audit = await auditReader(idp)
    const events = await audit.until({ action: 'account.enabled', actor: admin.clientId })
    assert.equal(events.length, 1)
    const all = (await audit.all({ actor: admin.clientId })).filter(({ details }) => details.accountId === accountId)
    assert.deepEqual(
      all.map(({ action }) => action).toSorted(),
      ['created', 'disabled', 'enabled', 'password_changed', 'updated'].map((act) => `account.${act}`),
    )
    assert.doesNotMatch(JSON.stringify(all), /argon2|another good/)
    const updated = all.find(({ action }) => action === 'account.updated')?.details
    assert.deepEqual([updated?.before, updated?.after], [{ name: 'Before' }, { name: 'After' }])
  })
})
