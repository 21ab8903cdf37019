import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { agentOwner } from '../../src/columns/list.ts'
import { type Estate, startEstate, type TestInstance } from '../estate.ts'

describe('the list of agents', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let bearer: string
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    bearer = await idp.management()
    // Of one transaction, so of one time to the microsecond.
    const rows = Array.from({ length: 20 }, (_, index) => row(`bulk-${String(index).padStart(2, '0')}`))
    await estate.db.insertInto('agents').values(rows).execute()
  })
  after(() => estate.stop())

  const row = (id: string, owner = 'bulk') => ({
    agent_id: id,
    organization_id: 'default',
    name: id,
    owner: idp.idp.instance.columns.seal(agentOwner, id, owner),
    agent_type: 'worker',
  })
  const list = async (query: string) => (await idp.manage('GET', `/api/v1/agents?${query}`, undefined, bearer)).body
  const idsOf = (page: { agents: { agentId: string }[] }) => page.agents.map(({ agentId }) => agentId)

  test('comes in pages that miss nobody and show nobody twice, while agents are added and changed', async () => {
    const before = idsOf(await list('limit=200'))
    const seen: string[] = []
    let cursor: string | null = ''
    for (let page = 0; cursor !== null; page += 1) {
      const next: { agents: { agentId: string }[]; nextCursor: string | null } = await list(
        `limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`,
      )
      assert.ok(next.agents.length <= 3)
      seen.push(...idsOf(next))
      cursor = next.nextCursor
      if (page < 5)
        await estate.db
          .insertInto('agents')
          .values(row(`added-${5 - page}`))
          .execute()
      if (page === 2) await idp.manage('PATCH', '/api/v1/agents/bulk-00', { version: '2' }, bearer)
    }
    assert.equal(before.length, 23)
    assert.deepEqual(seen.slice(0, before.length), before)
    assert.deepEqual(seen.slice(before.length), ['added-5', 'added-4', 'added-3', 'added-2', 'added-1'])
  })

  test('ends with a page that says so, also when that is full', async () => {
    const whole = await list('owner=bulk&agentType=worker&name=bulk-07&limit=1')
    assert.deepEqual([idsOf(whole), whole.nextCursor], [['bulk-07'], null])
    assert.deepEqual(await list('name=nobody'), { agents: [], nextCursor: null })
  })

  test('holds 50 at most unless another limit is asked for', async () => {
    const many = Array.from({ length: 60 }, (_, index) => row(`many-${index}`, 'many'))
    await estate.db.insertInto('agents').values(many).execute()
    assert.equal((await list('owner=many')).agents.length, 50)
    assert.equal((await list('owner=many&limit=200')).agents.length, 60)
  })

  test('is narrowed by status, owner, type, environment and name, all of which must fit', async () => {
    const described = { name: 'one', owner: 'narrow', agentType: 'batch', deploymentEnv: 'staging' }
    const { agentId } = (await idp.manage('POST', '/api/v1/agents', described, bearer)).body
    await idp.manage('POST', '/api/v1/agents', { ...described, name: 'two' }, bearer)
    await idp.manage('POST', `/api/v1/agents/${agentId}/suspend`, undefined, bearer)
    const counts = []
    for (const query of [
      'owner=narrow',
      'owner=narrow&status=suspended',
      'agentType=batch',
      'deploymentEnv=staging&status=active',
      'name=one',
      'name=one&status=active',
      'owner=narrow&agentType=worker',
    ]) {
      counts.push((await list(query)).agents.length)
    }
    assert.deepEqual(counts, [2, 1, 2, 1, 1, 0, 0])
  })

  const other = Buffer.from(JSON.stringify({ created: 1 })).toString('base64url')
  for (const query of [
    'limit=0',
    'limit=201',
    'limit=1.5',
    'limit=x',
    'limit=1&limit=2',
    'status=gone',
    'name=',
    'cursor=',
    'cursor=%00',
    'cursor=bm9uZQ',
    `cursor=${other}`,
    `cursor=${Buffer.from('[1e300,"x"]').toString('base64url')}`,
    `cursor=${Buffer.from('[1,"\\u0000"]').toString('base64url')}`,
    `cursor=${Buffer.from('["1; DROP TABLE agents","x"]').toString('base64url')}`,
    `cursor=${'x'.repeat(1_001)}`,
  ]) {
    test(`refuses ?${query.slice(0, 60)}`, async () => {
      const reply = await idp.manage('GET', `/api/v1/agents?${query}`, undefined, bearer)
      assert.deepEqual([reply.status, reply.body.code], [400, 'INVALID_REQUEST'])
      assert.equal(JSON.stringify(reply.body).includes('DROP'), false)
    })
  }
})
