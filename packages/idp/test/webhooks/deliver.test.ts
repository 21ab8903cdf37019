import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { addClient, tenant } from '../audit/reading.ts'
import { admin, type Estate, eventually, type Reply, startEstate, type TestInstance } from '../estate.ts'
import { answering, type Received, type Receiver, startReceiver } from './receiver.ts'

const verified = (secret: string, { body, headers }: Received) =>
  new Webhook(secret).verify(body, headers as Record<string, string>)

interface Shown {
  id: string
  status: string
  messageId: string
  attempts: number
  lastStatus?: number
  lastError?: string
  nextAttemptAt?: string
}

describe('webhooks', { timeout: 120_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let receiver: Receiver
  let bearer: string
  before(async () => {
    estate = await startEstate({
      REKEY_WEBHOOK_ALLOW_PRIVATE: 'localhost, 127.0.0.0/8',
      REKEY_WEBHOOK_TIMEOUT: '500ms',
      REKEY_WEBHOOK_RETRY_BASE: '0s',
      REKEY_WEBHOOK_MAX: '100',
    })
    idp = await estate.instance()
    bearer = await idp.management()
    await addClient(estate, tenant, ['agents:write', 'webhooks:read', 'webhooks:write'])
  })
  after(() => estate.stop())
  beforeEach(async () => {
    receiver = await startReceiver()
  })
  afterEach(async () => {
    await estate.db.deleteFrom('webhooks').execute()
    receiver.close()
  })

  const manage = (method: string, path: string, body?: unknown) => idp.manage(method, `/api/v1${path}`, body, bearer)

  async function subscribe(events: string[], url = receiver.url): Promise<Reply['body']> {
    const reply = await manage('POST', '/webhooks', { name: 'ours', url, events })
    assert.equal(reply.status, 201, JSON.stringify(reply.body))
    return reply.body
  }

  async function act(name = 'somebody'): Promise<string> {
    return (await manage('POST', '/agents', { name })).body.agentId
  }

  const deliveries = async (id: string, query = '') =>
    (await manage('GET', `/webhooks/${id}/deliveries${query}`)).body.deliveries
  const ended = (id: string, status: string) =>
    eventually(
      () => deliveries(id),
      (found: Shown[]) => found.length > 0 && found.every((each) => each.status === status),
    )

  test('tell of an act within seconds, signed as Standard Webhooks has it', async () => {
    const { id, signingSecret } = await subscribe(['agent.created'])
    const agentId = await act()
    const [first] = await receiver.arrived(1)
    assert.ok(first)
    assert.deepEqual(verified(signingSecret, first), first.event)
    assert.equal(first.event.type, 'agent.created')
    assert.equal(first.event.data.agentId, agentId)
    assert.ok(Number.isInteger(first.event.data.seq))
    assert.equal(first.headers['content-type'], 'application/json')
    const [delivery] = await ended(id, 'delivered')
    assert.equal(first.headers['webhook-id'], delivery?.messageId)
  })

  test('tell of what was subscribed to, once, in the order of the chain where all goes well', async () => {
    await subscribe(['agent.*'])
    for (let n = 0; n < 20; n += 1) await act(`agent ${n}`)
    await manage('POST', '/keyrings/signing-es256/rotate')
    await receiver.arrived(20)
    await eventually(
      async () => (await manage('GET', '/webhooks')).body.webhooks,
      (all: { deliveries: { pending: number } }[]) => all.every(({ deliveries }) => deliveries.pending === 0),
    )
    const types = new Set(receiver.received.map(({ event }) => event.type))
    assert.deepEqual([...types], ['agent.created'])
    const places = receiver.received.map(({ event }) => event.data.seq)
    assert.equal(new Set(places).size, 20)
  })

  test('are tried again, later each time, under the same id and signed anew, until the receiver takes them', async () => {
    const { id, signingSecret } = await subscribe(['agent.created'])
    receiver.answer((response) => void response.writeHead(receiver.received.length < 4 ? 500 : 200).end())
    await act()
    const tries = await receiver.arrived(4)
    assert.equal(new Set(tries.map(({ headers }) => headers['webhook-id'])).size, 1)
    for (const each of tries) verified(signingSecret, each)
    const [delivery] = await ended(id, 'delivered')
    assert.deepEqual([delivery?.attempts, delivery?.lastStatus], [4, 200])
  })

  test('are given up after ten attempts, which is an event, and delivered when somebody asks for it', async () => {
    const { id } = await subscribe(['agent.created'])
    receiver.answer(answering(500))
    await act()
    const [dead] = await ended(id, 'dead_letter')
    assert.deepEqual([dead?.attempts, dead?.lastError], [10, 'answered 500'])
    assert.equal(receiver.received.length, 10)
    const shown = (await manage('GET', `/webhooks/${id}`)).body
    assert.deepEqual(shown.deliveries, { pending: 0, dead_letter: 1 })
    assert.ok(shown.failingSince)
    const events = await eventually(
      async () => (await manage('GET', '/audit?action=webhook.dead_lettered')).body.events,
      (found: { details: { webhookId?: string } }[]) => found.some(({ details }) => details.webhookId === id),
    )
    assert.ok(events.length > 0)
    const metrics = (await idp.call('/metrics')).body as string
    assert.match(metrics, /rekey_webhook_attempts_total\{outcome="dead_letter"\} [1-9]/)
    receiver.answer(answering(200))
    const again = await manage('POST', `/webhooks/${id}/deliveries/${dead?.id}/redeliver`)
    assert.deepEqual([again.status, again.body], [202, { redelivered: 1 }])
    await ended(id, 'delivered')
    assert.equal(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size, 1)
    assert.equal((await manage('GET', `/webhooks/${id}`)).body.failingSince, undefined)
  })

  test('that were all given up are delivered together', async () => {
    const { id } = await subscribe(['agent.created'])
    receiver.answer(answering(503))
    await Promise.all([act(), act(), act()])
    await eventually(
      () => deliveries(id, '?status=dead_letter'),
      (found: unknown[]) => found.length === 3,
    )
    receiver.answer(answering(200))
    assert.deepEqual((await manage('POST', `/webhooks/${id}/redeliver`)).body, { redelivered: 3 })
    await ended(id, 'delivered')
  })

  test('to whoever answers 410 are sent no more, until somebody sets it right', async () => {
    const { id } = await subscribe(['agent.created'])
    receiver.answer(answering(410))
    await act()
    await ended(id, 'dead_letter')
    const { status, reason } = (await manage('GET', `/webhooks/${id}`)).body
    assert.deepEqual([status, reason], ['disabled', 'the receiver answered 410 Gone'])
    receiver.answer(answering(200))
    await manage('PATCH', `/webhooks/${id}`, { status: 'active' })
    const agentId = await act()
    await receiver.arrived(1, ({ event }) => event.data.agentId === agentId)
  })

  test('wait as long as a receiver asks for', async () => {
    const { id } = await subscribe(['agent.created'])
    receiver.answer(answering(429, { 'retry-after': '3600' }))
    await act()
    const [delivery] = await eventually(
      () => deliveries(id),
      (found: Shown[]) => found[0]?.attempts === 1,
    )
    const wait = Date.parse(delivery?.nextAttemptAt ?? '') - Date.now()
    assert.ok(wait > 3_500_000 && wait <= 3_600_000, `${wait}`)
    await manage('DELETE', `/webhooks/${id}`)
  })

  test('are signed by both secrets while one is rotated, and by the new one alone when that was confirmed', async () => {
    const { id, signingSecret: old } = await subscribe(['agent.created'])
    const rotated = (await manage('POST', `/webhooks/${id}/rotate-secret`, { overlap: '24h' })).body
    assert.ok(rotated.overlapEndsAt)
    await act()
    const [during] = await receiver.arrived(1)
    assert.ok(during)
    assert.equal(String(during.headers['webhook-signature']).split(' ').length, 2)
    verified(old, during)
    verified(rotated.signingSecret, during)
    const { secrets } = (await manage('POST', `/webhooks/${id}/confirm-secret`)).body
    assert.deepEqual(
      secrets.map(({ state }: { state: string }) => state),
      ['active'],
    )
    const agentId = await act()
    const [later] = await receiver.arrived(1, ({ event }) => event.data.agentId === agentId)
    assert.ok(later)
    verified(rotated.signingSecret, later)
    assert.throws(() => verified(old, later))
  })

  test('are signed by a leaked secret no more when it was rotated without an overlap', async () => {
    const { id, signingSecret: leaked } = await subscribe(['agent.created'])
    const { signingSecret } = (await manage('POST', `/webhooks/${id}/rotate-secret`, { overlap: '0s' })).body
    await act()
    const [first] = await receiver.arrived(1)
    assert.ok(first)
    verified(signingSecret, first)
    assert.throws(() => verified(leaked, first))
    const left = await estate.db
      .selectFrom('webhook_secrets')
      .select('secret_id')
      .where('webhook_id', '=', id)
      .execute()
    assert.equal(left.length, 1)
  })

  test('are signed by an old secret until its overlap is over, and then it is forgotten', async () => {
    const { id } = await subscribe(['agent.created'])
    await manage('POST', `/webhooks/${id}/rotate-secret`, { overlap: '1s' })
    const left = () =>
      estate.db.selectFrom('webhook_secrets').select('secret_id').where('webhook_id', '=', id).execute()
    await eventually(left, (rows) => rows.length === 1)
    const events = await eventually(
      async () => (await manage('GET', '/audit?action=webhook.secret_retired')).body.events,
      (found: { details: { webhookId?: string } }[]) => found.some(({ details }) => details.webhookId === id),
    )
    assert.ok(events.length > 0)
  })

  test('do not hold each other up: who hangs or fails waits alone', async (t) => {
    const hanging = await startReceiver(() => undefined)
    t.after(() => hanging.close())
    const stuck = await subscribe(['agent.created'], hanging.url)
    const { id } = await subscribe(['agent.created'])
    const begun = Date.now()
    await Promise.all(Array.from({ length: 30 }, (_, n) => act(`many ${n}`)))
    await receiver.arrived(30)
    assert.ok(Date.now() - begun < 10_000)
    await ended(id, 'delivered')
    await manage('DELETE', `/webhooks/${stuck.id}`)
  })

  test('are for their own organization: others see nothing of it', async () => {
    const { id } = await subscribe(['agent.*'])
    const may = await idp.management(tenant)
    const body = { name: 'acme', url: `${receiver.url}/acme`, events: ['*'] }
    assert.equal((await idp.manage('POST', '/api/v1/webhooks', body, may)).status, 201)
    assert.equal((await idp.manage('GET', `/api/v1/webhooks/${id}`, undefined, may)).status, 403)
    assert.equal((await idp.manage('GET', '/api/v1/webhooks', undefined, may)).body.webhooks.length, 1)
    await act('of the operator')
    const { agentId } = (await idp.manage('POST', '/api/v1/agents', { name: 'of acme' }, may)).body
    await receiver.arrived(1, ({ path, event }) => path === '/hook/acme' && event.data.agentId === agentId)
    await receiver.arrived(1, ({ path }) => path === '/hook')
    for (const { path, event } of receiver.received)
      assert.equal(event.data.organizationId, path === '/hook/acme' ? 'acme' : 'default')
  })

  test('of an organization whose agents are all shut out are sent no more', async () => {
    const may = await idp.management(tenant)
    const body = { name: 'acme', url: `${receiver.url}/acme`, events: ['*'] }
    const { id } = (await idp.manage('POST', '/api/v1/webhooks', body, may)).body
    await receiver.arrived(1)
    const suspended = { status: 'suspended' }
    await estate.db.updateTable('agents').set(suspended).where('organization_id', '=', 'acme').execute()
    const before = receiver.received.length
    await estate.db
      .insertInto('audit_events')
      .values({ action: 'agent.updated', outcome: 'success', actor: 'x', organization_id: 'acme', details: '{}' })
      .execute()
    const ours = await subscribe(['agent.created'], `${receiver.url}/ours`)
    await act()
    await ended(ours.id, 'delivered')
    assert.equal(receiver.received.filter(({ path }) => path === '/hook/acme').length, before)
    assert.equal(
      (await estate.db.selectFrom('webhook_deliveries').select('seq').where('webhook_id', '=', id).execute()).length,
      before,
    )
  })

  test('that are paused are sent nothing', async () => {
    const { id } = await subscribe(['agent.created'])
    assert.equal((await manage('POST', `/webhooks/${id}/pause`)).body.status, 'paused')
    const other = await subscribe(['agent.created'], `${receiver.url}/other`)
    await act()
    await ended(other.id, 'delivered')
    assert.deepEqual(await deliveries(id), [])
  })

  test('are refused where the event is none, or the target may not be called', async () => {
    const refused = async (given: object) => (await manage('POST', '/webhooks', { name: 'x', ...given })).body
    const unknown = await refused({ url: receiver.url, events: ['agent.created', 'agent.exploded'] })
    assert.equal(unknown.code, 'INVALID_REQUEST')
    assert.match(JSON.stringify(unknown), /agent\.exploded.* is no event/)
    for (const url of ['http://10.1.2.3/', 'https://10.1.2.3/', 'https://[::1]/', 'https://169.254.169.254/latest'])
      assert.equal((await refused({ url, events: ['*'] })).code, 'OUTBOUND_REFUSED', url)
    assert.equal((await refused({ url: 'ftp://example.com', events: ['*'] })).code, 'OUTBOUND_REFUSED')
    assert.equal((await refused({ url: receiver.url, events: [] })).code, 'INVALID_REQUEST')
  })

  test('follow a redirect that keeps what is sent, but to no private address, and no other one', async () => {
    const { id } = await subscribe(['agent.created'])
    receiver.answer((response, { path }) => {
      if (path === '/moved') response.writeHead(200).end()
      else response.writeHead(308, { location: '/moved' }).end()
    })
    await act()
    await receiver.arrived(1, ({ path }) => path === '/moved')
    await ended(id, 'delivered')
    await manage('DELETE', `/webhooks/${id}`)
    const other = await subscribe(['agent.created'])
    receiver.answer(answering(307, { location: 'http://10.0.0.1/' }))
    await act()
    const [refused] = await ended(other.id, 'dead_letter')
    assert.equal(refused?.lastError, 'not_https')
    receiver.answer(answering(302, { location: '/moved' }))
    const third = await subscribe(['agent.updated'])
    await manage('PATCH', `/agents/${await act()}`, { name: 'renamed' })
    const [found] = await ended(third.id, 'dead_letter')
    assert.equal(found?.lastError, 'redirect')
  })

  test('keep where they go and their secrets encrypted in the database', async () => {
    const { id, signingSecret } = await subscribe(['agent.created'], `${receiver.url}?token=very-secret`)
    const row = await estate.db
      .selectFrom('webhooks')
      .selectAll()
      .where('webhook_id', '=', id)
      .executeTakeFirstOrThrow()
    const secrets = await estate.db.selectFrom('webhook_secrets').selectAll().where('webhook_id', '=', id).execute()
    const text = JSON.stringify([row, secrets])
    assert.ok(!text.includes('very-secret') && !text.includes(signingSecret.slice(6)))
    const audit = JSON.stringify((await manage('GET', '/audit?action=webhook.created')).body)
    assert.ok(!audit.includes('very-secret') && !audit.includes(signingSecret.slice(6)))
    assert.ok(!idp.lines.join('').includes('very-secret'))
  })

  test('are made by whoever has the scope', async () => {
    const reading = (await idp.token(admin, { scope: 'webhooks:read' })).body.access_token
    assert.equal((await idp.manage('GET', '/api/v1/webhooks', undefined, reading)).status, 200)
    const refused = await idp.manage(
      'POST',
      '/api/v1/webhooks',
      { name: 'x', url: receiver.url, events: ['*'] },
      reading,
    )
    assert.equal(refused.status, 403)
  })

  test('are found in pages, and their deliveries by status', async () => {
    const { id } = await subscribe(['agent.created'])
    await Promise.all([act(), act(), act()])
    await ended(id, 'delivered')
    const page = (await manage('GET', `/webhooks/${id}/deliveries?limit=2&status=delivered`)).body
    assert.equal(page.deliveries.length, 2)
    const rest = (await manage('GET', `/webhooks/${id}/deliveries?limit=2&cursor=${page.nextCursor}`)).body
    assert.deepEqual([rest.deliveries.length, rest.nextCursor], [1, null])
    assert.deepEqual(await deliveries(id, '?status=dead_letter'), [])
    const other = await subscribe(['agent.created'])
    const first = (await manage('GET', '/webhooks?limit=1')).body
    const second = (await manage('GET', `/webhooks?limit=1&cursor=${first.nextCursor}`)).body
    assert.deepEqual([first.webhooks[0].id, second.webhooks[0].id, second.nextCursor], [id, other.id, null])
  })
})
