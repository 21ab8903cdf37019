import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { evidenceReport } from '@rekey/breakglass'
import { auditReader } from '../../audit/reading.ts'
import { type Estate, eventually, startEstate, type TestInstance } from '../../estate.ts'
import { onIncident, open } from '../setting.ts'
import { openIncident, remediesOf } from './estate.ts'

/** The internal endpoint of a backend for frontend, which has so many sessions and answers as it is told to. */
async function startBff(token: string) {
  const asked: Record<string, unknown>[] = []
  const state = { sessions: 3, token, answers: [] as { status: number; body: string }[], slowMs: 0 }
  const server = createServer(async (request, response) => {
    const isKnown = request.headers.authorization === `Bearer ${state.token}`
    assert.deepEqual([request.method, request.url], ['POST', '/internal/sessions/end'])
    const said = JSON.parse(await text(request))
    const odd = isKnown ? state.answers.shift() : { status: 401, body: '{"detail":"Not authenticated"}' }
    if (odd) return response.writeHead(odd.status).end(odd.body)
    asked.push(said)
    const body = JSON.stringify({ ended: state.sessions })
    state.sessions = 0
    await delay(state.slowMs)
    return response.writeHead(200, { 'content-type': 'application/json' }).end(body)
  }).listen(0, 'localhost')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { asked, state, url: `http://localhost:${port}`, close: () => server.close().closeAllConnections() }
}

type Bff = Awaited<ReturnType<typeof startBff>>

describe('the sessions of backends for frontends, in an incident', { timeout: 120_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let other: TestInstance
  let bearer: string
  let folder: string
  let [one, two]: Bff[] = []
  before(async () => {
    estate = await startEstate()
    folder = await mkdtemp(join(tmpdir(), 'rekey-bffs-'))
    const [first, second] = [await startBff('the-first-token-of-many'), await startBff('the-other-token-of-many')]
    one = first
    two = second
    await writeFile(join(folder, 'token'), 'the-newest-token-of-many\nthe-other-token-of-many\n')
    second.state.token = 'the-newest-token-of-many'
    const variables = {
      REKEY_BFFS: `${first.url}, ${second.url}/ token=file:${join(folder, 'token')} client=shop`,
      REKEY_BFF_ADMIN_TOKEN: 'the-first-token-of-many',
      REKEY_EVIDENCE_KEY: `file:${join(folder, 'evidence.key')}`,
    }
    idp = await estate.instance(variables)
    other = await estate.instance({ ...variables, REKEY_ISSUER: idp.url })
    bearer = await idp.management()
  })
  after(async () => {
    one?.close()
    two?.close()
    await estate.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const end = async (incident: string, at = idp) => {
    const { status, body } = await remediesOf(at, bearer).post(incident, 'sessions')
    assert.equal(status, 200, JSON.stringify(body))
    return body
  }
  const bffs = (stores: { name: string; ended: number }[]) =>
    stores.filter(({ name }) => name.startsWith('bff ')).map(({ name, ended }) => [name, ended])
  const fresh = () => {
    for (const { asked, state } of [one as Bff, two as Bff]) {
      asked.splice(0)
      state.answers.splice(0)
      state.sessions = 3
    }
  }

  test('end as well: whose, what began before when, for which incident and by whom; and evidence counts them', async () => {
    fresh()
    const issuedBefore = new Date(Date.now() - 60_000).toISOString()
    const sessions = [{ sub: 'ada', issuedBefore }, { sid: 's-1' }, { all: true as const, issuedBefore }]
    await openIncident(estate, { incident: 'all-of-them', kid: 'k', sessions })
    const ended = await end('all-of-them')
    assert.deepEqual(bffs(ended.stores), [
      [`bff ${one?.url}`, 3],
      [`bff ${two?.url}`, 3],
    ])
    assert.equal(ended.incomplete, undefined)
    for (const { asked } of [one as Bff, two as Bff]) {
      const because = { incident: 'all-of-them', actor: 'admin-1' }
      const [bySub, bySid, all] = asked
      assert.deepEqual(bySub, { sub: 'ada', issuedBefore, ...because })
      assert.deepEqual({ ...bySid, issuedBefore }, { sids: ['s-1'], issuedBefore, ...because })
      assert.deepEqual(all, { all: true, issuedBefore, ...because })
    }
  })

  test('are counted once where it is asked for again, by whichever instance', async () => {
    one?.asked.splice(0)
    const again = await end('all-of-them', other)
    assert.deepEqual(bffs(again.stores), [
      [`bff ${one?.url}`, 3],
      [`bff ${two?.url}`, 3],
    ])
    assert.equal(one?.asked.length, 3)
  })

  test('that could not be ended are open, with the reason, and stop nothing; a repeat goes on with them', async () => {
    fresh()
    await openIncident(estate, { incident: 'failing', kid: 'k', sessions: [{ sub: 'bob' }] })
    two?.state.answers.push(...[500, 503].map((status) => ({ status, body: 'a secret of the backend' })))
    const ended = await end('failing')
    assert.deepEqual(bffs(ended.stores), [[`bff ${one?.url}`, 3]])
    assert.equal(
      ended.incomplete,
      `the sessions of the backend for frontend at ${two?.url} were not ended: it answered 503`,
    )
    assert.ok(ended.entries.length > 0, 'the rest was done')
    const again = await end('failing')
    assert.equal(again.incomplete, undefined)
    assert.deepEqual(bffs(again.stores), [
      [`bff ${one?.url}`, 3],
      [`bff ${two?.url}`, 3],
    ])
    const audit = await auditReader(idp)
    const events = await audit.until({ action: 'session.ended', outcome: 'failed' })
    assert.equal(events[0]?.details.incident, 'failing')
    assert.doesNotMatch(JSON.stringify([ended, events]), /secret of the backend|token-of-many/)
  })

  test('of a client are those of the backend that logs in as that client', async () => {
    fresh()
    await openIncident(estate, {
      incident: 'of-client',
      kid: 'k',
      sessions: [{ clientId: 'shop' }, { clientId: 'else' }],
    })
    const { stores, incomplete } = await end('of-client')
    assert.deepEqual(one?.asked, [])
    assert.deepEqual(bffs(stores), [[`bff ${two?.url}`, 3]])
    assert.equal(
      incomplete,
      `the sessions of the backend for frontend at ${one?.url} were not ended: REKEY_BFFS does not say as which client it logs users in`,
    )
    assert.deepEqual(
      two?.asked.map(({ all }) => all),
      [true],
    )
  })

  test('that answered once stay counted where they do not answer any more', async () => {
    fresh()
    await openIncident(estate, { incident: 'gone', kid: 'k', sessions: [{ sub: 'eve' }] })
    await end('gone')
    const [odd, tries] = ['{}', 2]
    one?.state.answers.push(...Array.from({ length: tries }, () => ({ status: 200, body: odd })))
    await writeFile(join(folder, 'token'), '')
    const { stores, incomplete } = await end('gone')
    await writeFile(join(folder, 'token'), 'the-newest-token-of-many\n')
    assert.deepEqual(bffs(stores), [
      [`bff ${one?.url}`, 3],
      [`bff ${two?.url}`, 3],
    ])
    assert.match(incomplete, /its answer does not say how many; .* its token cannot be read$/)
  })

  test('are tried once more where a connection broke', async () => {
    fresh()
    await openIncident(estate, { incident: 'once-more', kid: 'k', sessions: [{ sub: 'kim' }] })
    one?.state.answers.push({ status: 502, body: '' })
    assert.equal((await end('once-more')).incomplete, undefined)
  })

  test('are waited for while a backend waits for a replica of it that has just died', async () => {
    fresh()
    await openIncident(estate, { incident: 'slow', kid: 'k', sessions: [{ sub: 'joe' }] })
    const state = one?.state ?? assert.fail()
    state.slowMs = 5_500
    const { stores, incomplete } = await end('slow')
    state.slowMs = 0
    assert.equal(incomplete, undefined)
    assert.deepEqual(bffs(stores), [
      [`bff ${one?.url}`, 3],
      [`bff ${two?.url}`, 3],
    ])
    assert.equal(one?.asked.length, 1)
  })

  test('are refused to a token that is not theirs, which is open too', async () => {
    fresh()
    await openIncident(estate, { incident: 'wrong-token', kid: 'k', sessions: [{ sub: 'mia' }] })
    await writeFile(join(folder, 'token'), 'not-theirs-at-all\n')
    assert.match((await end('wrong-token')).incomplete, /it answered 401$/)
    await writeFile(join(folder, 'token'), 'the-newest-token-of-many\n')
  })

  test('are in the report that is sealed: how many, and which are open', async () => {
    fresh()
    two?.state.answers.push(...[500, 500].map((status) => ({ status, body: '' })))
    assert.equal((await open(idp, 'REPORT', { run: undefined, sessions: [{ sub: 'zoe' }] })).status, 202)
    const { body } = await eventually(
      () => onIncident(idp, 'REPORT').show(),
      ({ body }) => body.steps.at(-1).state === 'done',
    )
    const sessions = body.steps.find(({ name }: { name: string }) => name === 'sessions')
    assert.equal(sessions.state, 'done', 'the step itself did not fail')
    const reply = await fetch(`${idp.url}/api/v1/incidents/REPORT/evidence`, {
      headers: { authorization: `Bearer ${await idp.management()}` },
    })
    const report = evidenceReport(new Uint8Array(await reply.arrayBuffer())).replaceAll('`', '')
    assert.ok(report.includes(`bff ${one?.url}: 3 sessions`), report)
    assert.ok(report.includes(`the sessions of the backend for frontend at ${two?.url} were not ended`), report)
    await onIncident(idp, 'REPORT').unfreeze()
  })

  test('are not asked about where the plan ends none', async () => {
    fresh()
    await openIncident(estate, { incident: 'no-sessions', kid: 'k' })
    assert.deepEqual(await end('no-sessions'), { entries: [], stores: [] })
    assert.deepEqual(one?.asked, [])
  })
})
