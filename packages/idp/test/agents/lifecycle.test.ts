import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Verifier } from '@rekey/verifier'
import { startApi, verdictOf } from '../api.ts'
import {
  admin,
  apiProcess,
  basic,
  decodeUnverified,
  type Estate,
  eventually,
  startEstate,
  type TestInstance,
  verifier,
} from '../estate.ts'

interface Credential {
  clientId: string
  clientSecret: string
}

describe('an agent', { timeout: 90_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let other: TestInstance
  let api: Verifier
  before(async () => {
    // Agents that are suspended go on asking here, all of them from one address.
    estate = await startEstate({ REKEY_FAILED_AUTHENTICATION_LIMIT: '100000/10s' })
    idp = await estate.instance()
    other = await estate.instance({ REKEY_ISSUER: idp.url })
    api = await startApi(idp)
  })
  after(async () => {
    await api.close()
    await estate.stop()
  })

  let subject: Credential
  let path: string
  beforeEach(async () => {
    const scopes = ['reports:read', 'agents:read']
    const { agentId } = (await idp.manage('POST', '/api/v1/agents', { name: 'subject', scopes })).body
    path = `/api/v1/agents/${agentId}`
    subject = (await idp.manage('POST', `${path}/credentials`, {})).body
  })

  const jwtFrom = async (of: TestInstance) => (await of.token(subject)).body.access_token as string
  const verdict = (token: string) => verdictOf(api, token)
  const act = (name: string, body?: unknown) => idp.manage('POST', `${path}/${name}`, body)
  const isActive = async (of: TestInstance, token: string) => {
    const body = new URLSearchParams({ token })
    const headers = { authorization: basic(verifier) }
    return (await of.call('/api/v1/token/introspect', { method: 'POST', headers, body })).body.active
  }
  const actions = async () => {
    const { clientId } = subject
    const events = await estate.db
      .selectFrom('audit_events')
      .selectAll()
      .where('agent_id', '=', clientId)
      .orderBy('inserted')
      .execute()
    return events
      .filter(({ action }) => action.startsWith('agent.'))
      .map(({ action, actor, details }) => ({ action, actor, details }))
  }

  test('that is suspended gets no token, and those that it has end: at every instance, at verifiers, whatever their form', async () => {
    const jwt = await jwtFrom(other)
    const opaque = await idp.management(subject)
    assert.deepEqual([verdict(jwt), await isActive(other, jwt), await isActive(other, opaque)], ['ok', true, true])
    const reply = await act('suspend', { reason: 'leaked' })
    assert.deepEqual([reply.status, reply.body.status], [200, 'suspended'])
    assert.deepEqual([(await other.token(subject)).status, (await idp.token(subject)).status], [401, 401])
    assert.deepEqual(
      [await isActive(other, jwt), await isActive(idp, jwt), await isActive(other, opaque)],
      [false, false, false],
    )
    assert.equal((await other.manage('GET', '/api/v1/agents', undefined, opaque)).status, 401)
    await eventually(
      async () => verdict(jwt),
      (code) => code === 'token_denied',
    )
    assert.deepEqual((await actions()).at(-1), {
      action: 'agent.suspended',
      actor: admin.clientId,
      details: { reason: 'leaked' },
    })
  })

  test('that is suspended under load gets no token once that was answered', async () => {
    let isAnswered = false
    const late: number[] = []
    const clients = [idp, other].map(async (of) => {
      for (let more = 20; more > 0; more -= isAnswered ? 1 : 0) {
        const asked = isAnswered
        const { status } = await of.token(subject)
        if (asked) late.push(status)
      }
    })
    await act('suspend')
    isAnswered = true
    await Promise.all(clients)
    assert.deepEqual([...new Set(late)], [401])
  })

  test('that is reactivated at once gets tokens that no verifier refuses, and those from before stay dead', async () => {
    const before = await jwtFrom(idp)
    const opaque = await idp.management(subject)
    await act('suspend')
    const reply = await act('reactivate')
    assert.deepEqual([reply.status, reply.body.status], [200, 'active'])
    const fresh = await Promise.all([jwtFrom(idp), jwtFrom(other)])
    assert.deepEqual(fresh.map(verdict), ['ok', 'ok'])
    assert.deepEqual(await Promise.all(fresh.map((token) => isActive(other, token))), [true, true])
    assert.deepEqual(
      [verdict(before), await isActive(other, before), await isActive(idp, opaque)],
      ['token_denied', false, false],
    )
    assert.deepEqual(
      (await actions()).map(({ action }) => action),
      ['agent.created', 'agent.suspended', 'agent.reactivated'],
    )
  })

  test('that is suspended and reactivated again and again never gets a token that is refused', async () => {
    const dead: string[] = []
    for (let round = 0; round < 3; round += 1) {
      await act('suspend')
      // Whoever waits for it asks until it gets one, the moment that it may.
      const waiting = eventually(
        () => other.token(subject),
        ({ status }) => status === 200,
      )
      await act('reactivate')
      const first = (await waiting).body.access_token
      assert.deepEqual([verdict(first), ...dead.map(verdict)], ['ok', ...dead.map(() => 'token_denied')])
      dead.push(first)
    }
  })

  test('that is suspended is denied for as long as an instance that is cut off might sign for it, clocks ahead included', async () => {
    const before = await now()
    await act('suspend')
    const denied = await deniedBefore()
    // A lease of 5 s, and clocks that are 30 s apart.
    assert.ok(denied >= before + 35_000, `${denied - before} ms`)
    await act('reactivate')
    const lowered = await deniedBefore()
    assert.equal(lowered % 1_000, 0)
    assert.ok(lowered > before && lowered <= (await now()))
  })

  test('that is suspended and reactivated stays denied for as long as an operator said, before or meanwhile', async () => {
    const [sooner, later] = [20, 40].map((minutes) =>
      new Date(Math.ceil(Date.now() / 1_000) * 1_000 + minutes * 60_000).toISOString(),
    )
    const deny = (issuedBefore: string | undefined) =>
      idp.manage('POST', '/api/v1/denied', { entries: [{ client_id: subject.clientId, issuedBefore }] })
    await deny(sooner)
    for (const meanwhile of [false, true]) {
      await act('suspend')
      if (meanwhile) await deny(later)
      await act('reactivate')
      const stands = meanwhile ? later : sooner
      assert.equal(new Date(await deniedBefore()).toISOString(), stands)
      assert.deepEqual((await actions()).at(-1)?.details, { reason: null, refusesIssuedBefore: stands })
      const fresh = await jwtFrom(other)
      assert.deepEqual([await isActive(idp, fresh)], [false])
    }
    await idp.manage('DELETE', '/api/v1/denied', { entries: [{ client_id: subject.clientId, issuedBefore: later }] })
    await act('suspend')
    await act('reactivate')
    assert.ok((await deniedBefore()) <= (await now()), 'what was taken back does not come again')
    assert.equal(await isActive(idp, await jwtFrom(other)), true)
  })

  const now = () => idp.idp.instance.store.now()
  async function deniedBefore(): Promise<number> {
    const { entries } = (await idp.manage('GET', '/api/v1/denied')).body
    const found = entries.find((entry: { client_id?: string }) => entry.client_id === subject.clientId)
    return Date.parse(found.issuedBefore)
  }

  test('that is suspended in the middle of an overlap is let in by neither secret, and by both once it is reactivated', async () => {
    const [{ credentialId }] = (await idp.manage('GET', `${path}/credentials`)).body.credentials
    const rotated = await idp.manage('POST', `${path}/credentials/${credentialId}/rotate`, { overlap: '1h' })
    const both = async () => [(await other.token(subject)).status, (await other.token(rotated.body)).status]
    assert.deepEqual(await both(), [200, 200])
    await act('suspend')
    assert.deepEqual(await both(), [401, 401])
    await act('reactivate')
    assert.deepEqual(await both(), [200, 200])
  })

  test('is reactivated although a verifier does not answer any more', async () => {
    const gone = apiProcess(idp, { instance: 'gone' })
    await gone.catchUp()
    await act('suspend')
    assert.equal((await act('reactivate')).status, 200)
    assert.equal(verdict(await jwtFrom(other)), 'ok')
    await gone.goodbye()
  })

  test('can be suspended twice, which is told once', async () => {
    for (const _ of [1, 2]) assert.equal((await act('suspend')).status, 200)
    for (const _ of [1, 2]) assert.equal((await act('reactivate')).status, 200)
    assert.equal((await actions()).length, 3)
  })

  test('that is decommissioned stays so, and has no credential any more', async () => {
    const jwt = await jwtFrom(idp)
    const { status, body } = await act('decommission', { reason: 'replaced' })
    assert.deepEqual([status, body.status], [200, 'decommissioned'])
    assert.deepEqual([(await idp.token(subject)).status, (await other.token(subject)).status], [401, 401])
    assert.equal(await isActive(idp, jwt), false)
    for (const [method, more, body] of [
      ['POST', '/suspend'],
      ['POST', '/reactivate'],
      ['POST', '/credentials', {}],
      ['PATCH', '', { status: 'active' }],
      ['PATCH', '', { name: 'again' }],
      ['PATCH', '', { status: 'decommissioned', name: 'again' }],
    ] as const) {
      const reply = await idp.manage(method, path + more, body)
      assert.deepEqual([reply.status, reply.body.code], [409, 'AGENT_DECOMMISSIONED'], `${method} ${more}`)
    }
    assert.equal((await act('decommission')).status, 200)
    assert.equal((await idp.manage('GET', path)).body.status, 'decommissioned')
    const { credentials } = (await idp.manage('GET', `${path}/credentials`)).body
    assert.deepEqual(
      credentials.map((credential: { status: string }) => credential.status),
      ['revoked'],
    )
    assert.deepEqual((await actions()).at(-1)?.details, { reason: 'replaced' })
  })

  test('is decommissioned by DELETE as well, and by PATCH suspended and reactivated', async () => {
    assert.equal(
      (await idp.manage('PATCH', path, { status: 'suspended', reason: 'x', owner: 'sec' })).body.owner,
      'sec',
    )
    assert.equal((await other.token(subject)).status, 401)
    assert.equal((await idp.manage('PATCH', path, { status: 'active' })).body.status, 'active')
    assert.equal(verdict(await jwtFrom(other)), 'ok')
    const gone = await idp.manage('DELETE', path)
    assert.deepEqual([gone.status, gone.body], [204, ''])
    assert.equal((await idp.manage('DELETE', path)).status, 204)
    assert.equal((await other.token(subject)).status, 401)
  })

  test('loses a scope at once in what administers, and with the next token elsewhere', async () => {
    const opaque = await idp.management(subject)
    assert.equal((await other.manage('GET', '/api/v1/agents', undefined, opaque)).status, 200)
    const { status, body } = await idp.manage('PATCH', path, { scopes: ['reports:write'] })
    assert.deepEqual([status, body.scopes], [200, ['reports:write']])
    assert.equal((await other.manage('GET', '/api/v1/agents', undefined, opaque)).status, 401)
    assert.equal((await other.token(subject, { scope: 'agents:read' })).body.error, 'invalid_scope')
    assert.equal(decodeUnverified(await jwtFrom(other)).payload.scope, 'reports:write')
    const { details } = (await actions()).at(-1) ?? {}
    assert.deepEqual(details, {
      before: { scopes: ['reports:read', 'agents:read'] },
      after: { scopes: ['reports:write'] },
    })
  })

  test('is changed by several at once, one after the other, and ends as the last one says', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `name-${index}`)
    const replies = await Promise.all(
      names.map((name, index) => [idp, other][index % 2]?.manage('PATCH', path, { name, email: null })),
    )
    assert.deepEqual(
      replies.map((reply) => [reply?.status, reply?.body.name]),
      names.map((name) => [200, name]),
    )
    const told = (await actions()).filter(({ action }) => action === 'agent.updated')
    assert.equal(told.length, 8)
    const last = told.at(-1)?.details.after as { name: string } | undefined
    assert.equal((await idp.manage('GET', path)).body.name, last?.name)
  })
})
