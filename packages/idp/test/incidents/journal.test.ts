import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { stepNames } from '@rekey/breakglass'
import { keepEvidence } from '../../src/incidents/evidence.ts'
import { longestResult } from '../../src/incidents/journal.ts'
import { addClient } from '../audit/reading.ts'
import { admin, type Estate, reader, startEstate, type TestInstance } from '../estate.ts'
import { incidents, onIncident, open, signingKid } from './setting.ts'

describe('the journal of incidents', { timeout: 120_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let other: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    other = await estate.instance()
  })
  after(() => estate.stop())

  const events = (incident: string) =>
    estate.db
      .selectFrom('audit_events')
      .select(['action', 'outcome', 'actor', 'details'])
      .where('action', 'like', 'incident.%')
      .orderBy('inserted')
      .execute()
      .then((rows) => rows.filter(({ details }) => details.incident === incident))

  test('writes down what is to be done before anything is', async () => {
    const kid = await signingKid(idp)
    const plan = {
      sessions: [{ sub: 'mallory', issuedBefore: '2026-01-01T01:00:00+01:00' }],
      since: '2026-01-01T00:00:00Z',
      apis: [{ url: 'http://localhost:8081/', library: 'jose' }],
    }
    const { status, body } = await open(idp, 'INC-1', plan)
    assert.equal(status, 201)
    assert.deepEqual(body.plan, {
      incident: 'INC-1',
      kid,
      reason: 'leaked',
      sessions: [{ sub: 'mallory', issuedBefore: '2026-01-01T00:00:00.000Z' }],
      since: '2026-01-01T00:00:00.000Z',
      suspectStore: false,
      apis: [{ url: 'http://localhost:8081', everyAddress: false, library: 'jose', path: '/hello' }],
      proveForMs: 30_000,
    })
    assert.deepEqual(
      body.steps,
      stepNames.map((name) => ({ name, state: 'pending', attempts: 0, waitingFor: [] })),
    )
    assert.deepEqual([body.frozen, body.openedBy, body.claim], [false, admin.clientId, undefined])
    assert.deepEqual(body.timeline, [{ at: body.openedAt, what: 'opened', by: admin.clientId }])
    const { now: _now, ...shown } = (await onIncident(other, 'INC-1').show()).body
    const { now: _then, ...opened } = body
    assert.deepEqual(shown, opened)
    const details = { incident: 'INC-1', kid, reason: 'leaked', suspectStore: false }
    const event = { action: 'incident.opened', outcome: 'success', actor: admin.clientId, details }
    assert.deepEqual(await events('INC-1'), [event])
  })

  test('has one incident of an id, whoever opens it and however often', async () => {
    const replies = await Promise.all(
      [idp, other, idp, other].map((each, place) => open(each, 'INC-2', { reason: `${place}` })),
    )
    assert.deepEqual(replies.map(({ status }) => status).toSorted(), [200, 200, 200, 201])
    assert.equal(new Set(replies.map(({ body }) => body.plan.reason)).size, 1)
    assert.equal((await events('INC-2')).length, 1)
  })

  test('says that an incident of this id is about another key', async () => {
    await open(idp, 'INC-3')
    const { versions } = (await idp.manage('GET', '/api/v1/keyrings/signing-rs256')).body
    const { status, body } = await open(idp, 'INC-3', { kid: versions[0].id })
    assert.deepEqual([status, body.code], [409, 'INCIDENT_DIFFERS'])
  })

  test('stops at a key that nobody knows, and has written nothing down', async () => {
    const { status, body } = await open(idp, 'INC-4', { kid: 'nobody' })
    assert.deepEqual([status, body.code], [404, 'UNKNOWN_KID'])
    assert.equal((await onIncident(idp, 'INC-4').show()).body.code, 'UNKNOWN_INCIDENT')
  })

  test('answers what contains no compromised key with why', async () => {
    const asked = { incident: 'INC-5', reason: 'leaked', run: false }
    const kid = await signingKid(idp)
    for (const remedy of [
      { jtis: ['one'] },
      { issuedBefore: '2026-01-01T00:00:00Z' },
      { sessions: [{ sub: 'mallory' }] },
    ]) {
      const { status, body } = await idp.manage('POST', incidents, { ...asked, ...remedy })
      assert.deepEqual([status, body.code], [422, 'FALSE_REMEDY'], JSON.stringify(remedy))
      assert.match(body.message, /a forger/)
    }
    for (const wrong of [{}, { kid, jtis: ['one'] }]) {
      assert.equal((await idp.manage('POST', incidents, { ...asked, ...wrong })).body.code, 'INVALID_REQUEST')
    }
    assert.equal((await onIncident(idp, 'INC-5').show()).status, 404)
  })

  test('keeps nothing of a rehearsal', async () => {
    const { status, body } = await open(idp, 'INC-6', { dryRun: true })
    assert.equal(status, 200)
    assert.equal(body.key.state, 'active')
    assert.equal((await onIncident(idp, 'INC-6').show()).status, 404)
    assert.deepEqual(await events('INC-6'), [])
  })

  test('lets one carry an incident out, and another only when the claim is over or given back', async () => {
    await open(idp, 'INC-7')
    const incident = onIncident(idp, 'INC-7')
    const elsewhere = onIncident(other, 'INC-7')
    const claimed = (await incident.claim('ann')).body
    assert.equal(claimed.claim.runner, 'ann')
    assert.ok(Math.abs(Date.parse(claimed.claim.until) - Date.parse(claimed.now) - 15_000) < 5_000)
    const refused = await elsewhere.claim('bob')
    assert.deepEqual([refused.status, refused.body.code, refused.body.details.runner], [409, 'INCIDENT_CLAIMED', 'ann'])
    assert.equal(refused.body.details.until, claimed.claim.until)
    assert.equal((await incident.claim('ann')).status, 200)
    assert.equal((await elsewhere.release('bob')).body.claim.runner, 'ann', 'it is not his to release')
    assert.equal((await incident.release('ann')).body.claim, undefined)
    const { body } = await elsewhere.claim('bob')
    assert.deepEqual(
      body.timeline.map(({ what, by }: { what: string; by: string }) => [what, by]),
      [
        ['opened', admin.clientId],
        ['claimed', 'ann'],
        ['claimed', 'bob'],
      ],
    )
  })

  test('takes a claim for that of the client that made it, whoever else uses the name of its runner', async () => {
    const colleague = { clientId: 'ops-2', clientSecret: `sk_live_${'f'.repeat(64)}`, organizationId: 'default' }
    await addClient(estate, colleague, ['incidents:write'])
    const bearer = await other.management(colleague)
    const path = `${incidents}/INC-14`
    const steps = `${path}/steps/guard`
    const asColleague = (method: string, at: string, body: object) => other.manage(method, at, body, bearer)
    await open(idp, 'INC-14')
    const incident = onIncident(idp, 'INC-14')
    const { claim } = (await incident.claim('ann')).body
    assert.deepEqual(Object.keys(claim), ['runner', 'until'])
    for (const reply of [
      await asColleague('POST', `${path}/claim`, { runner: 'ann', seconds: 15 }),
      await asColleague('POST', `${path}/release`, { runner: 'ann' }),
      await asColleague('PUT', steps, { runner: 'ann', state: 'done' }),
    ]) {
      assert.deepEqual([reply.status, reply.body.code], [409, 'INCIDENT_CLAIMED'])
      assert.deepEqual(reply.body.details, { incident: 'INC-14', ...claim })
    }
    assert.equal((await incident.step('guard', { runner: 'ann', state: 'running' })).status, 200)
    await incident.release('ann')
    assert.equal((await asColleague('POST', `${path}/claim`, { runner: 'ann', seconds: 15 })).status, 200)
    assert.equal((await incident.step('guard', { runner: 'ann', state: 'done' })).status, 409)
    assert.equal((await asColleague('PUT', steps, { runner: 'ann', state: 'done' })).status, 200)
  })

  test('gives a claim to one of those who want it at once', async () => {
    await open(idp, 'INC-8')
    const runners = ['a', 'b', 'c', 'd', 'e', 'f']
    const replies = await Promise.all(
      runners.map((runner, place) => onIncident(place % 2 ? idp : other, 'INC-8').claim(runner)),
    )
    assert.deepEqual(replies.map(({ status }) => status).toSorted(), [200, 409, 409, 409, 409, 409])
  })

  test('takes steps from whoever holds the claim, and what he did when it was over and nobody took it', async () => {
    await open(idp, 'INC-9')
    const incident = onIncident(idp, 'INC-9')
    const early = await incident.step('guard', { runner: 'ann', state: 'running' })
    assert.deepEqual([early.status, early.body.code], [409, 'INCIDENT_CLAIMED'])
    await incident.claim('ann')
    await estate.db
      .updateTable('incidents')
      .set({ runner_until: new Date(0) })
      .where('incident', '=', 'INC-9')
      .execute()
    const begun = await incident.step('guard', { runner: 'ann', state: 'running', waitingFor: ['the key'] })
    assert.equal(begun.status, 200)
    await incident.claim('bob')
    const late = await incident.step('guard', { runner: 'ann', state: 'done' })
    assert.deepEqual([late.status, late.body.code, late.body.details.runner], [409, 'INCIDENT_CLAIMED', 'bob'])
    assert.equal((await incident.show()).body.steps[0].state, 'running')
  })

  test('tells of each step when, by whom, how often and with what end, and the audit of each change', async () => {
    await open(idp, 'INC-10')
    const incident = onIncident(idp, 'INC-10')
    await incident.claim('ann')
    const change = async (about: object) => (await incident.step('revoke', { runner: 'ann', ...about })).body.steps[4]
    const begun = await change({ state: 'running', waitingFor: ['instance one'] })
    assert.deepEqual(
      [begun.state, begun.attempts, begun.waitingFor, begun.runner],
      ['running', 1, ['instance one'], 'ann'],
    )
    const waits = await change({ waitingFor: ['instance two'] })
    assert.deepEqual([waits.startedAt, waits.waitingFor], [begun.startedAt, ['instance two']])
    const failed = await change({ state: 'failed', error: { code: 'PROVIDER_UNREACHABLE', message: 'gone' } })
    assert.deepEqual([failed.error.code, failed.waitingFor], ['PROVIDER_UNREACHABLE', []])
    assert.ok(failed.endedAt >= failed.startedAt)
    const again = await change({ state: 'running' })
    assert.deepEqual([again.attempts, again.error, again.endedAt], [2, undefined, undefined])
    const done = await change({ state: 'done', result: { revoked: [{ kid: 'one' }], none: null } })
    assert.deepEqual(done.result, { revoked: [{ kid: 'one' }], none: null })
    assert.equal((await change({ result: null })).result, undefined)
    const { timeline } = (await incident.show()).body
    assert.deepEqual(
      timeline.slice(2).map(({ what }: { what: string }) => what),
      ['step revoke running', 'step revoke failed', 'step revoke running', 'step revoke done'],
    )
    const about = { incident: 'INC-10', step: 'revoke', runner: 'ann' }
    assert.deepEqual(
      (await events('INC-10')).slice(1).map(({ action, outcome, details }) => [action, outcome, details]),
      [
        ['incident.step', 'success', { ...about, state: 'running' }],
        ['incident.step', 'failed', { ...about, state: 'failed', error: 'PROVIDER_UNREACHABLE' }],
        ['incident.step', 'success', { ...about, state: 'running' }],
        ['incident.step', 'success', { ...about, state: 'done' }],
      ],
    )
  })

  test('keeps what a database cannot hold in a form that it can', async () => {
    await open(idp, 'INC-11', { reason: 'half \ud800 a pair' })
    const incident = onIncident(idp, 'INC-11')
    await incident.claim('ann')
    const { status, body } = await incident.step('guard', { runner: 'ann', result: { text: 'a\u0000b' } })
    assert.deepEqual([status, body.steps[0].result], [200, { text: 'a\ufffdb' }])
  })

  test('refuses what is malformed, and a result that is too long', async () => {
    await open(idp, 'INC-12')
    const incident = onIncident(idp, 'INC-12')
    await incident.claim('ann')
    for (const [reply, status, code] of [
      [await open(idp, '../up'), 400, 'INVALID_REQUEST'],
      [await open(idp, 'INC-13', { sessions: [{ all: false }] }), 400, 'INVALID_REQUEST'],
      [await open(idp, 'INC-13', { misspelt: true }), 400, 'INVALID_REQUEST'],
      [await incident.claim('ann', 61), 400, 'INVALID_REQUEST'],
      [await incident.claim(''), 400, 'INVALID_REQUEST'],
      [await incident.step('none', { runner: 'ann' }), 400, 'INVALID_REQUEST'],
      [await incident.step('guard', { runner: 'ann', state: 'dead' }), 400, 'INVALID_REQUEST'],
      [await incident.step('guard', { runner: 'ann', result: 'x'.repeat(longestResult) }), 413, 'PAYLOAD_TOO_LARGE'],
      [await onIncident(idp, 'nobody').claim('ann'), 404, 'UNKNOWN_INCIDENT'],
      [await onIncident(idp, 'nobody').release('ann'), 404, 'UNKNOWN_INCIDENT'],
      [await onIncident(idp, 'nobody').step('guard', { runner: 'ann' }), 404, 'UNKNOWN_INCIDENT'],
      [await onIncident(idp, 'nobody').evidence(), 404, 'UNKNOWN_INCIDENT'],
    ] as const) {
      assert.deepEqual([reply.status, reply.body.code], [status, code])
    }
  })

  test('lists the incidents, newest first, without the results of their steps', async () => {
    await open(idp, 'INC-20')
    await open(idp, 'INC-21')
    const incident = onIncident(idp, 'INC-21')
    await incident.claim('ann')
    await incident.step('guard', { runner: 'ann', state: 'done', result: { long: true } })
    const { body } = await other.manage('GET', incidents)
    const [newest, next] = body.incidents
    assert.deepEqual([newest.plan.incident, next.plan.incident], ['INC-21', 'INC-20'])
    assert.deepEqual([newest.steps[0].state, newest.steps[0].result], ['done', undefined])
  })

  test('is for those who may write incidents alone', async () => {
    const mayNot = await idp.management(reader)
    for (const [method, path] of [
      ['GET', incidents],
      ['GET', `${incidents}/INC-1`],
      ['POST', `${incidents}/INC-1/freeze`],
      ['GET', `${incidents}/INC-1/evidence`],
    ] as const) {
      const { status, body } = await idp.manage(method, path, undefined, mayNot)
      assert.deepEqual([status, body.code], [403, 'INSUFFICIENT_SCOPE'])
    }
  })

  test('hands out the evidence that an instance sealed, byte by byte', async () => {
    await open(idp, 'INC-30')
    const incident = onIncident(other, 'INC-30')
    const before = await incident.evidence()
    assert.deepEqual([before.status, before.body.code], [404, 'NOT_FOUND'])
    const archive = Buffer.from([0x50, 0x4b, 3, 4, 0, 0xff, 0xfe, 10, 13])
    await keepEvidence(estate.db, 'INC-30', archive)
    const authorization = `Bearer ${await other.management()}`
    const reply = await fetch(`${other.url}${incidents}/INC-30/evidence`, { headers: { authorization } })
    assert.equal(reply.headers.get('content-type'), 'application/zip')
    assert.equal(reply.headers.get('content-disposition'), 'attachment; filename="INC-30.zip"')
    assert.deepEqual(Buffer.from(await reply.arrayBuffer()), archive)
  })
})
