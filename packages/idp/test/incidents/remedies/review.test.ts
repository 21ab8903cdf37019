import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { verifyProof } from '@rekey/database/offline'
import { sql } from 'kysely'
import { addClient } from '../../audit/reading.ts'
import { admin, apiProcess, type Estate, startEstate, type TestInstance } from '../../estate.ts'
import { kidIn, openIncident, remediesOf } from './estate.ts'

const other = { clientId: 'ops-2', clientSecret: `sk_live_${'f'.repeat(64)}` }

/** Whoever holds it gives events their places in the chain. */
const chainerLock = 0x63_68_61_69_6e

describe('what an incident is told by', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let bearer: string
  let kid: string
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    bearer = await idp.management()
    kid = await kidIn(idp, bearer, 'active')
  })
  after(() => estate.stop())

  const remedies = () => remediesOf(idp, bearer)

  test('acknowledgements: verifiers that hold what must be held, and those that do not yet', async () => {
    await openIncident(estate, { incident: 'acks', kid })
    const [quick, slow] = [apiProcess(idp, { instance: 'quick' }), apiProcess(idp, { instance: 'slow' })]
    await quick.catchUp()
    await slow.catchUp()
    await remedies().post('acks', 'probes', { kind: 'denied' })
    await quick.catchUp()
    const { status, body } = await remedies().get('acks', 'acknowledgements')
    assert.equal(status, 200, JSON.stringify(body))
    assert.equal(body.revision.n, quick.held.n)
    assert.deepEqual(
      body.acknowledged.map(({ id, library }: { id: string; library: string }) => [id, library]),
      [[quick.id, 'test/1']],
    )
    assert.deepEqual(
      body.missing.map(({ id }: { id: string }) => id),
      [slow.id],
    )
    assert.ok(Date.parse(body.missing[0].acceptsUntil) > Date.parse(body.acknowledged[0].at))
    await slow.catchUp()
    assert.deepEqual((await remedies().get('acks', 'acknowledgements')).body.missing, [])
  })

  const changesOf = async (incident: string) => {
    const { status, body } = await remedies().get(incident, 'changes')
    assert.equal(status, 200, JSON.stringify(body))
    return body
  }
  type Listed = {
    action: string
    actor: string
    because: string
    event: { agentId?: string; details: { incident?: string } }
  }

  test('changes made by those whose sessions are concerned, since the moment that is named', async () => {
    await addOperator()
    const bearerOfOther = await idp.management(other)
    const create = (token: string) => idp.manage('POST', '/api/v1/agents', { name: 'new' }, token)
    const before = (await create(bearerOfOther)).body.agentId
    await create(bearer)
    const moment = new Date().toISOString()
    const made = (await create(bearerOfOther)).body.agentId
    await openIncident(estate, {
      incident: 'review',
      kid,
      since: moment,
      sessions: [{ clientId: other.clientId }, { sid: 's' }],
    })
    const { changes, truncated, note, since: from } = await changesOf('review')
    assert.deepEqual([truncated, from], [false, moment])
    assert.deepEqual(
      changes.map(({ action, actor, event }: Listed) => [action, actor, event.agentId]),
      [['agent.created', other.clientId, made]],
    )
    assert.match(changes[0].because, /ops-2 did it/)
    assert.match(note, /never takes a JWT/)
    assert.match(note, /named by its id alone/)
    assert.ok(!JSON.stringify(changes).includes(before))
  })

  test('changes by everybody since the key became active where the sessions of all end, but not what it was itself', async () => {
    await openIncident(estate, { incident: 'all', kid, sessions: [{ all: true }] })
    assert.equal((await remedies().post('all', 'probes', { kind: 'fresh' })).status, 200)
    assert.equal((await remedies().post('all', 'sessions')).status, 200)
    bearer = await idp.management()
    const { changes, since } = await changesOf('all')
    const actors = new Set(changes.map(({ actor }: Listed) => actor))
    assert.deepEqual([...actors].toSorted(), [admin.clientId, other.clientId])
    assert.ok(
      changes.every(({ action, event }: Listed) => action !== 'token.issued' && event.details.incident !== 'all'),
    )
    const version = (await idp.manage('GET', '/api/v1/keyrings/signing-es256', undefined, bearer)).body.versions[0]
    assert.equal(since, version.activatedAt)
    await openIncident(estate, { incident: 'nobody', kid })
    const none = await changesOf('nobody')
    assert.deepEqual(none.changes, [])
    assert.match(none.note, /No sessions were named/)
  })

  test('the first thousand changes where there are more, which it says', async () => {
    const since = new Date().toISOString()
    await sql`
      INSERT INTO audit_events (action, outcome, actor, details)
      SELECT 'agent.updated', 'success', 'mallory', jsonb_build_object('n', n) FROM generate_series(1, 1001) AS n`.execute(
      estate.db,
    )
    await openIncident(estate, { incident: 'many', kid, since, sessions: [{ sub: 'mallory' }] })
    const { changes, truncated } = await changesOf('many')
    assert.deepEqual([changes.length, truncated, changes[0].event.details.n], [1_000, true, 1])
  })

  test('its record: every event of it, each with its proof', async () => {
    const { status, body } = await remedies().get('all', 'record')
    assert.equal(status, 200, JSON.stringify(body))
    const actions = body.events.map(({ event }: { event: string }) => JSON.parse(event).action)
    for (const action of ['incident.probe_minted', 'session.ended', 'denied.added'])
      assert.ok(actions.includes(action), action)
    assert.equal(body.incomplete, undefined)
    for (const { event, proof } of body.events) {
      assert.deepEqual(verifyProof(proof, body.signer), { verified: true, signer: body.signer })
      assert.equal(proof.event, event)
      const { incident } = JSON.parse(event).details
      assert.ok(incident === undefined || incident === 'all')
    }
  })

  test('its record without proofs, and why, while nothing is chained', async () => {
    await openIncident(estate, { incident: 'late', kid })
    const body = await estate.db.connection().execute(async (connection) => {
      await sql`SELECT pg_advisory_lock(${chainerLock})`.execute(connection)
      try {
        assert.equal((await remedies().post('late', 'probes', { kind: 'fresh' })).status, 200)
        return (await remedies().get('late', 'record')).body
      } finally {
        await sql`SELECT pg_advisory_unlock(${chainerLock})`.execute(connection)
      }
    })
    assert.match(body.incomplete, /^1 events have no place in the chain yet/)
    assert.deepEqual(Object.keys(body.events[0]), ['event'])
    assert.equal(JSON.parse(body.events[0].event).action, 'incident.probe_minted')
    const later = (await remedies().get('late', 'record')).body
    assert.equal(later.incomplete, undefined)
    assert.ok(later.events[0].proof)
  })

  test('nothing where there is no such incident', async () => {
    for (const what of ['acknowledgements', 'changes', 'record']) {
      assert.equal((await remedies().get('unknown', what)).body.code, 'UNKNOWN_INCIDENT')
    }
    for (const what of ['promote', 'revoke', 'sessions']) {
      assert.equal((await remedies().post('unknown', what)).body.code, 'UNKNOWN_INCIDENT')
    }
    for (const kind of ['compromised', 'fresh', 'denied']) {
      assert.equal((await remedies().post('unknown', 'probes', { kind })).body.code, 'UNKNOWN_INCIDENT')
    }
  })

  async function addOperator(): Promise<void> {
    const { clientId, clientSecret } = other
    await addClient(estate, { clientId, clientSecret, organizationId: 'default' }, ['agents:read', 'agents:write'])
  }
})
