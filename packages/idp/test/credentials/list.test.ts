import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sql } from 'kysely'
import { eventually } from '../estate.ts'
import { anHourMs, iso, pathOf, settingOf, type TestCredential } from './setting.ts'

const dayMs = 86_400_000

describe('credentials', { timeout: 60_000 }, () => {
  const setting = settingOf(1)
  const { credential, detail, rotate } = setting
  const manage = (...call: Parameters<ReturnType<typeof setting.idp>['manage']>) => setting.idp().manage(...call)
  const listOf = ({ clientId }: TestCredential, query = '') =>
    manage('GET', `/api/v1/agents/${clientId}/credentials${query}`)
  const idsOf = (reply: { body: { credentials: TestCredential[] } }) =>
    reply.body.credentials.map(({ credentialId }) => credentialId)

  test('of an agent are listed by status, with what they are due for', async () => {
    const active = await credential({}, { deploymentEnv: 'staging' })
    const all = `/api/v1/agents/${active.clientId}/credentials`
    const expired = (await manage('POST', all, { expiresAt: iso(Date.now() + 1_000) })).body
    const revoked = (await manage('POST', all, {})).body
    await manage('DELETE', pathOf(revoked))
    await eventually(
      () => detail(expired),
      ({ status }) => status === 'expired',
    )
    assert.deepEqual(
      idsOf(await listOf(active)),
      [active, expired, revoked].map((each) => each.credentialId),
    )
    for (const [status, { credentialId }] of Object.entries({ active, expired, revoked })) {
      const reply = await listOf(active, `?status=${status}`)
      assert.deepEqual(idsOf(reply), [credentialId])
      assert.equal(reply.body.credentials[0].status, status)
    }
    const [shown] = (await listOf(active, '?status=active')).body.credentials
    assert.equal(Date.parse(shown.rotateBy) - Date.parse(shown.rotatedAt), 180 * dayMs)
    assert.deepEqual([shown.clientId, shown.kind], [active.clientId, 'client-secret'])
    assert.equal((await listOf(active, '?status=gone')).body.code, 'INVALID_REQUEST')
  })

  test('of an agent are listed a page at a time', async () => {
    const first = await credential()
    const ids = [first.credentialId]
    for (let more = 0; more < 4; more += 1) {
      const { body } = await manage('POST', `/api/v1/agents/${first.clientId}/credentials`, {})
      ids.push(body.credentialId)
    }
    const found: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await listOf(first, `?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
      found.push(...idsOf(page))
      cursor = page.body.nextCursor
    }
    assert.deepEqual(found, ids)
    const wrong = await listOf(first, '?cursor=nonsense')
    assert.deepEqual([wrong.status, wrong.body.code], [400, 'INVALID_REQUEST'])
  })

  test('of an agent are not without number', async () => {
    const { clientId } = await credential()
    const create = () => manage('POST', `/api/v1/agents/${clientId}/credentials`, {})
    for (let more = 1; more < 20; more += 1) assert.equal((await create()).status, 201)
    const refused = await create()
    assert.deepEqual([refused.status, refused.body.code], [409, 'TOO_MANY_CREDENTIALS'])
  })

  test('of another organization are out of reach by every route', async () => {
    const { db } = setting.estate()
    const { clientId, credentialId } = await credential()
    await db.updateTable('agents').set({ organization_id: 'other' }).where('agent_id', '=', clientId).execute()
    await sql`UPDATE credentials SET rotated_at = now() - interval '2 years'
      WHERE credential_id = ${credentialId}`.execute(db)
    const all = `/api/v1/agents/${clientId}/credentials`
    const one = `${all}/${credentialId}`
    const calls: [string, string, object?][] = [
      ['GET', all],
      ['POST', all, {}],
      ['GET', one],
      ['POST', `${one}/rotate`, {}],
      ['POST', `${one}/revoke`, { reason: 'test' }],
      ['DELETE', one],
    ]
    for (const [method, path, body] of calls) {
      const reply = await manage(method, path, body)
      assert.deepEqual([reply.status, reply.body.code], [403, 'FORBIDDEN'], `${method} ${path}`)
    }
    const overdue = await manage('GET', '/api/v1/credentials?due=overdue')
    assert.equal(idsOf(overdue).includes(credentialId), false)
    // Named as one of an agent of the caller's own.
    const own = await credential()
    const crossed = pathOf({ ...own, credentialId })
    for (const [method, path, body] of [
      ['GET', crossed],
      ['POST', `${crossed}/rotate`, {}],
      ['POST', `${crossed}/revoke`, { reason: 'test' }],
      ['DELETE', crossed],
    ] as const) {
      const reply = await manage(method, path, body)
      assert.deepEqual([reply.status, reply.body.code], [404, 'UNKNOWN_CREDENTIAL'], `${method} ${path}`)
    }
  })

  test('that are due for rotation are listed, by the interval of what their agent is', async () => {
    const { db } = setting.estate()
    const agents: [object, number][] = [
      [{ name: 'unknown' }, 90],
      [{ deploymentEnv: 'production' }, 90],
      [{ deploymentEnv: 'staging' }, 180],
      [{ deploymentEnv: 'Development' }, 180],
      [{ deploymentEnv: 'production', agentType: 'service-account' }, 365],
    ]
    const overdue = async () => (await manage('GET', '/api/v1/credentials?due=overdue&limit=200')).body
    for (const [agent, days] of agents) {
      const old = await credential({}, agent)
      const age = async (ms: number) => {
        await sql`UPDATE credentials SET rotated_at = now() - ${`${ms} milliseconds`}::interval
          WHERE credential_id = ${old.credentialId}`.execute(db)
        return (await overdue()).credentials.find((each: TestCredential) => each.credentialId === old.credentialId)
      }
      assert.equal(await age(days * dayMs - anHourMs), undefined)
      const found = await age(days * dayMs + anHourMs)
      assert.ok(Math.abs(Date.parse(found.overdueSince) - Date.now() + anHourMs) < 60_000)
      assert.deepEqual([found.agentId, found.kind], [old.clientId, 'client-secret'])
      assert.equal((await detail(old)).rotateBy, found.overdueSince)
      await rotate(old)
      assert.equal(
        (await overdue()).credentials.some((each: TestCredential) => each.credentialId === old.credentialId),
        false,
      )
    }
  })

  test('that are due are counted and listed a page at a time', async () => {
    const { db } = setting.estate()
    const made = [await credential(), await credential(), await credential()]
    for (const [days, { credentialId }] of made.entries()) {
      await sql`UPDATE credentials SET rotated_at = now() - ${`${800 - days} days`}::interval
        WHERE credential_id = ${credentialId}`.execute(db)
    }
    const first = await manage('GET', '/api/v1/credentials?due=overdue&limit=2')
    const second = await manage('GET', `/api/v1/credentials?due=overdue&limit=2&cursor=${first.body.nextCursor}`)
    assert.deepEqual(
      [...idsOf(first), ...idsOf(second)],
      made.map((each) => each.credentialId),
    )
    assert.deepEqual([first.body.total, second.body.nextCursor], [3, null])
    assert.equal((await manage('GET', '/api/v1/credentials')).status, 400)
  })

  test('that are due are all found, although those of a page are rotated before the next one is read', async () => {
    const { db } = setting.estate()
    const made = [await credential(), await credential(), await credential(), await credential()]
    for (const [days, { credentialId }] of made.entries()) {
      await sql`UPDATE credentials SET rotated_at = now() - ${`${1_800 - days} days`}::interval
        WHERE credential_id = ${credentialId}`.execute(db)
    }
    const found: string[] = []
    const first = await manage('GET', '/api/v1/credentials?due=overdue&limit=2')
    found.push(...idsOf(first))
    for (const each of made.slice(0, 2)) assert.equal((await rotate(each)).status, 200)
    const second = await manage('GET', `/api/v1/credentials?due=overdue&limit=2&cursor=${first.body.nextCursor}`)
    found.push(...idsOf(second))
    assert.deepEqual(
      found,
      made.map((each) => each.credentialId),
    )
  })

  test('are not looked for by a cursor that holds what the database cannot', async () => {
    const { clientId } = await credential()
    const cursor = Buffer.from(JSON.stringify([1, 'nul \u0000'])).toString('base64url')
    for (const list of ['/api/v1/credentials?due=overdue&', `/api/v1/agents/${clientId}/credentials?`]) {
      const refused = await manage('GET', `${list}cursor=${cursor}`)
      assert.deepEqual([refused.status, refused.body.code], [400, 'INVALID_REQUEST'])
    }
  })
})
