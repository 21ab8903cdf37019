import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { connect } from '@rekey/database'
import { gather } from '../../src/audit/gathered.ts'
import type { IdpTables } from '../../src/tables.ts'
import { admin, agent, type Estate, eventually, startEstate } from '../estate.ts'

describe('events that are gathered', { timeout: 60_000 }, () => {
  let estate: Estate
  const errors: unknown[] = []
  let now = 1_000_000
  const gathering = () =>
    gather(
      estate.db,
      () => now,
      (error) => errors.push(error),
    )
  const written = (action: string) =>
    estate.db.selectFrom('audit_events').selectAll().where('action', '=', action).orderBy('inserted').execute()

  before(async () => {
    estate = await startEstate()
  })
  after(() => estate.stop())

  const failure = (action: string, more: object = {}) => ({
    action,
    outcome: 'failed' as const,
    actor: agent.clientId,
    cause: 'wrong secret',
    address: '192.0.2.7',
    ...more,
  })

  test('become one for each client, address and cause, with their count and both ends', async () => {
    const gathered = gathering()
    for (let i = 0; i < 5; i += 1) {
      gathered.note(failure('test.same'))
      now += 1_000
    }
    gathered.note(failure('test.same', { address: '192.0.2.8' }))
    gathered.note(failure('test.same', { cause: 'expired' }))
    gathered.note(failure('test.same', { actor: admin.clientId }))
    assert.equal((await written('test.same')).length, 0, 'counted first')
    await gathered.close()
    const events = await written('test.same')
    assert.deepEqual(
      events.map(({ actor, details }) => [actor, details.address, details.cause, details.count]),
      [
        ['agent-1', '192.0.2.7', 'wrong secret', 5],
        ['agent-1', '192.0.2.8', 'wrong secret', 1],
        ['agent-1', '192.0.2.7', 'expired', 1],
        ['admin-1', '192.0.2.7', 'wrong secret', 1],
      ],
    )
    const [first] = events
    const lastAt = Date.parse(String(first?.details.lastAt))
    assert.equal(lastAt - Date.parse(String(first?.details.firstAt)), 4_000)
    assert.deepEqual(errors, [])
  })

  test('are told in the time of the database', async () => {
    const gathered = gathering()
    const before = await estate.db
      .selectFrom('audit_events')
      .select(({ fn }) => fn.max('at').as('at'))
      .executeTakeFirst()
    gathered.note(failure('test.time'))
    await gathered.close()
    const [event] = await written('test.time')
    assert.ok((event?.at ?? 0) > (before?.at as number), 'the clock of this test stands in 1970')
  })

  test('are of whom the caller says he is only if there is such an agent; all others are one', async () => {
    const gathered = gathering()
    const claiming = (claims: string) => gathered.note(failure('test.claims', { actor: 'unknown', claims }))
    for (let n = 0; n < 40; n += 1) claiming(`nobody-${n}`)
    for (const known of [agent.clientId, agent.clientId]) claiming(known)
    const from = now
    now += 1_000
    claiming('nobody-0')
    await gathered.close()
    const events = await written('test.claims')
    assert.deepEqual(
      events.map(({ actor, organization_id, details }) => [actor, organization_id, details.count, 'claims' in details]),
      [
        ['unknown', null, 41, false],
        [agent.clientId, 'default', 2, false],
      ],
    )
    const [first] = events
    assert.equal(Date.parse(String(first?.details.lastAt)) - Date.parse(String(first?.details.firstAt)), now - from)
  })

  test('say where from only by an address', async () => {
    const gathered = gathering()
    for (const address of ['x'.repeat(10_000), 'unknown', '2001:db8::1'])
      gathered.note(failure('test.from', { address }))
    await gathered.close()
    const events = await written('test.from')
    assert.deepEqual(
      events.map(({ details }) => [details.address, details.count]),
      [
        ['others', 2],
        ['2001:db8::1', 1],
      ],
    )
  })

  test('belong to the organization of their agent, else of who did it, else to none', async () => {
    const gathered = gathering()
    gathered.note(failure('test.whose', { agentId: agent.clientId, actor: 'somebody' }))
    gathered.note(failure('test.whose'))
    gathered.note(failure('test.whose', { actor: 'somebody' }))
    gathered.note(failure('test.whose', { organizationId: 'said' }))
    await gathered.close()
    const whose = (await written('test.whose')).map((event) => [event.organization_id, event.agent_id])
    assert.deepEqual(whose, [
      ['default', 'agent-1'],
      ['default', null],
      [null, null],
      ['said', null],
    ])
  })

  test('may be written at the first, and their repetitions later', async () => {
    const gathered = gathering()
    gathered.note(failure('test.first'), { firstAtOnce: true })
    const [first] = await eventually(
      () => written('test.first'),
      (events) => events.length === 1,
    )
    assert.equal(first?.details.count, 1)
    gathered.note(failure('test.first'), { firstAtOnce: true })
    gathered.note(failure('test.first'), { firstAtOnce: true })
    await gathered.close()
    const counts = (await written('test.first')).map(({ details }) => details.count)
    assert.deepEqual(counts, [1, 2])
  })

  test('of a flood of names are told without the names, those of others beside it with theirs', async () => {
    const gathered = gathering()
    for (let i = 0; i < 5_000; i += 1) gathered.note(failure('test.flood', { actor: `client-${i}` }))
    gathered.note(failure('test.flood', { address: '192.0.2.8' }))
    await gathered.close()
    const events = await written('test.flood')
    assert.equal(events.length, 12)
    const ends = events.slice(-2).map(({ actor, details }) => [actor, details.address, details.count])
    assert.deepEqual(ends, [
      ['many', '192.0.2.7', 4_990],
      ['agent-1', '192.0.2.8', 1],
    ])
  })

  test('of a known agent keep their agent in whatever flood of names', async () => {
    const gathered = gathering()
    const tripwire = { agentId: agent.clientId, details: { credentialId: 'c-1', version: 'v-1' } }
    for (let i = 0; i < 5_000; i += 1) {
      const address = i < 60 ? '192.0.2.7' : `2001:db8::${i}`
      gathered.note(failure('test.names', { actor: `client-${i}`, address }))
    }
    gathered.note(failure('test.known', tripwire), { firstAtOnce: true })
    await gathered.close()
    const [event, ...others] = await written('test.known')
    assert.deepEqual(others, [])
    assert.deepEqual([event?.actor, event?.agent_id, event?.organization_id], ['agent-1', 'agent-1', 'default'])
    const { credentialId, address } = event?.details ?? {}
    assert.deepEqual([credentialId, address], ['c-1', '192.0.2.7'])
  })

  test('of a known agent from a flood of addresses are told without those, those of its other credentials with theirs', async () => {
    const gathered = gathering()
    const of = (credentialId: string, address: string) =>
      gathered.note(failure('test.spread', { agentId: agent.clientId, details: { credentialId }, address }))
    for (let i = 0; i < 5_000; i += 1) of('c-1', `2001:db8::${i}`)
    of('c-2', '192.0.2.8')
    await gathered.close()
    const told = (await written('test.spread'))
      .slice(-2)
      .map(({ actor, agent_id, details }) => [actor, agent_id, details.credentialId, details.address, details.count])
    assert.deepEqual(told, [
      ['agent-1', 'agent-1', 'c-1', undefined, 4_950],
      ['agent-1', 'agent-1', 'c-2', '192.0.2.8', 1],
    ])
  })

  test('of a flood of addresses are told by what happened and why', async () => {
    const gathered = gathering()
    for (let i = 0; i < 5_000; i += 1) gathered.note(failure('test.addresses', { address: `2001:db8::${i}` }))
    await gathered.close()
    const events = await written('test.addresses')
    assert.equal(events.length, 501)
    const { actor, details } = events.at(-1) ?? assert.fail()
    assert.deepEqual([actor, details.address, details.count], ['many', undefined, 4_500])
  })

  test('of any text at all keep no other event from being written', async () => {
    const gathered = gathering()
    gathered.note(failure('test.text', { actor: 'nul \u0000 and half \ud800 of a pair' }))
    gathered.note(failure('test.text', { actor: 'x'.repeat(100_000) }))
    await gathered.close()
    assert.deepEqual(errors, [])
    const actors = (await written('test.text')).map(({ actor }) => actor)
    assert.deepEqual(actors, ['nul \ufffd and half \ufffd of a pair', 'x'.repeat(300)])
  })

  test('that cannot be written are kept, and counted on', async () => {
    const connection = connect<IdpTables>(estate.database.serviceUrl)
    const failures: unknown[] = []
    const gathered = gather(
      connection.db,
      () => now,
      (error) => failures.push(error),
    )
    await estate.database.reachable(false)
    gathered.note(failure('test.kept'))
    await gathered.flush()
    assert.equal(failures.length, 1)
    gathered.note(failure('test.kept'))
    await estate.database.reachable(true)
    await gathered.close()
    await connection.close()
    const counts = (await written('test.kept')).map(({ details }) => details.count)
    assert.deepEqual(counts, [2])
  })
})
