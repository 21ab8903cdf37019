import assert from 'node:assert/strict'
import { request } from 'node:http'
import { afterEach, describe, test } from 'node:test'
import { admin, type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'
import { onIncident, open, signingKid } from './setting.ts'

describe('a freeze', { timeout: 120_000 }, () => {
  const estates: Estate[] = []
  const start = async () => {
    const estate = await startEstate()
    estates.push(estate)
    return estate
  }
  afterEach(() => Promise.all(estates.splice(0).map((estate) => estate.stop())))

  const create = async (idp: TestInstance) => (await idp.manage('POST', '/api/v1/agents', { name: 'new' })).status

  test('is there on every instance when its reply comes, and gone when that of unfreezing comes', async () => {
    const { instance } = await start()
    const all = await Promise.all([instance(), instance(), instance()])
    const [idp] = all
    await open(idp, 'INC-1')
    for (const another of all) {
      assert.equal((await onIncident(idp, 'INC-1').freeze()).status, 200)
      assert.deepEqual(await Promise.all(all.map(create)), [423, 423, 423])
      assert.equal((await onIncident(another, 'INC-1').unfreeze()).body.frozen, false)
      assert.deepEqual(await Promise.all(all.map(create)), [201, 201, 201])
    }
  })

  test('lasts through a restart of every instance', async () => {
    const { instance } = await start()
    const first = await instance()
    await open(first, 'INC-1')
    const { frozenAt } = (await onIncident(first, 'INC-1').freeze()).body
    await first.close()
    const second = await instance()
    assert.equal(await create(second), 423)
    const { body } = await onIncident(second, 'INC-1').show()
    assert.deepEqual([body.frozen, body.frozenAt], [true, frozenAt])
    assert.ok(second.lines.some((line) => /administration is frozen/.test(line) && /INC-1/.test(line)))
  })

  test('that is asked for twice is one, and its reply the same', async () => {
    const { instance, db } = await start()
    const [one, two] = [await instance(), await instance()]
    await open(one, 'INC-1')
    const replies = await Promise.all([one, two, one, two].map((each) => onIncident(each, 'INC-1').freeze()))
    assert.equal(new Set(replies.map(({ body }) => body.frozenAt)).size, 1)
    await onIncident(two, 'INC-1').unfreeze({ operator: 'Ann', reason: 'contained' })
    const { body } = await onIncident(one, 'INC-1').unfreeze({ operator: 'Bob' })
    assert.deepEqual([body.frozen, body.unfrozenBy], [false, 'Ann'])
    assert.deepEqual(
      body.timeline.map(({ what, by }: { what: string; by: string }) => [what, by]),
      [
        ['opened', admin.clientId],
        ['frozen', admin.clientId],
        ['unfrozen', 'Ann'],
      ],
    )
    const events = await db
      .selectFrom('audit_events')
      .select(['action', 'actor', 'details'])
      .where('action', 'in', ['incident.frozen', 'incident.unfrozen'])
      .orderBy('inserted')
      .execute()
    assert.deepEqual(events, [
      { action: 'incident.frozen', actor: admin.clientId, details: { incident: 'INC-1' } },
      {
        action: 'incident.unfrozen',
        actor: admin.clientId,
        details: { incident: 'INC-1', operator: 'Ann', reason: 'contained' },
      },
    ])
  })

  test('of several incidents lasts until the last one is unfrozen, and names the oldest', async () => {
    const { instance } = await start()
    const idp = await instance()
    for (const incident of ['INC-B', 'INC-A']) {
      await open(idp, incident)
      await onIncident(idp, incident).freeze()
    }
    const named = async () => (await idp.manage('POST', '/api/v1/agents', {})).body.incident
    assert.equal(await named(), 'INC-B')
    await onIncident(idp, 'INC-B').unfreeze()
    assert.equal(await named(), 'INC-A')
    await onIncident(idp, 'INC-A').unfreeze()
    assert.equal(await create(idp), 201)
  })

  test('is not there for an incident that nobody opened', async () => {
    const { instance } = await start()
    const idp = await instance()
    const { status, body } = await onIncident(idp, 'INC-1').freeze()
    assert.deepEqual([status, body.code], [404, 'UNKNOWN_INCIDENT'])
    assert.equal((await onIncident(idp, 'INC-1').unfreeze()).status, 404)
    assert.equal(await create(idp), 201)
  })

  test('refuses what was begun before it and whose body came after it', async (t) => {
    const { instance, db } = await start()
    const [idp, other] = [await instance(), await instance()]
    await open(idp, 'INC-1')
    const body = JSON.stringify({ name: 'late' })
    const headers = {
      authorization: `Bearer ${await other.management()}`,
      'content-type': 'application/json',
      'content-length': body.length,
    }
    const slow = request(`${other.url}/api/v1/agents`, { method: 'POST', headers })
    const replied = new Promise<number | undefined>((resolve, reject) => {
      slow.on('response', (reply) => resolve(reply.resume().statusCode)).on('error', reject)
    })
    const asked = t.mock.method(other.idp.instance.freeze, 'requireNone')
    slow.write(body.slice(0, 5))
    await eventually(
      async () => asked.mock.callCount(),
      (count) => count > 0,
    )
    await onIncident(idp, 'INC-1').freeze()
    slow.end(body.slice(5))
    assert.equal(await replied, 423)
    const made = await db.selectFrom('agents').select('agent_id').where('name', '=', 'late').execute()
    assert.deepEqual(made, [])
  })

  test('shows in the metrics of every instance, and since when', async () => {
    const { instance } = await start()
    const [idp, other] = [await instance(), await instance()]
    const metric = async (name: string) =>
      (await other.call('/metrics')).body.split('\n').filter((line: string) => line.startsWith(name))
    assert.deepEqual(await metric('rekey_administration_frozen'), ['rekey_administration_frozen 0'])
    await open(idp, 'INC-1')
    const { frozenAt } = (await onIncident(idp, 'INC-1').freeze()).body
    assert.deepEqual(await metric('rekey_administration_frozen'), [
      'rekey_administration_frozen 1',
      `rekey_administration_frozen_since_timestamp_seconds{incident="INC-1"} ${Date.parse(frozenAt) / 1_000}`,
    ])
    await onIncident(idp, 'INC-1').unfreeze()
    assert.deepEqual(await metric('rekey_administration_frozen'), ['rekey_administration_frozen 0'])
  })

  test('does not keep the keys from being rotated by the loop', async () => {
    const { instance } = await start()
    const idp = await instance()
    await open(idp, 'INC-1')
    await onIncident(idp, 'INC-1').freeze()
    const old = await signingKid(idp)
    const asked = { id: old, reason: 'compromised', incident: 'INC-1' }
    assert.equal((await idp.manage('POST', '/api/v1/keyrings/signing-es256/revoke', asked)).status, 200)
    assert.notEqual(await signingKid(idp), old)
    await eventually(
      async () => (await idp.manage('GET', '/api/v1/keyrings/signing-es256')).body.versions,
      (versions) => versions.some(({ state }: { state: string }) => state === 'prepared'),
    )
  })
})
