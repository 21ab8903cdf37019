import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { sql } from 'kysely'
import { recover } from '../../src/webhooks/recover.ts'
import { addClient, tenant } from '../audit/reading.ts'
import { type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'
import { answering, type Receiver, startReceiver } from './receiver.ts'

const keptMs = 30 * 86_400_000

describe('what waits to be delivered', { timeout: 120_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let receiver: Receiver
  let bearer: string
  before(async () => {
    estate = await startEstate({
      REKEY_WEBHOOK_ALLOW_PRIVATE: 'localhost',
      REKEY_WEBHOOK_TIMEOUT: '500ms',
      REKEY_WEBHOOK_RETRY_BASE: '1s',
    })
    idp = await estate.instance()
    bearer = await idp.management()
    await addClient(estate, tenant, ['agents:write', 'webhooks:read', 'webhooks:write'])
  })
  after(() => estate.stop())
  beforeEach(async () => {
    receiver = await startReceiver(answering(500))
  })
  afterEach(async () => {
    await estate.db.deleteFrom('webhooks').execute()
    receiver.close()
  })

  const manage = (method: string, path: string, body?: unknown, as = bearer) =>
    idp.manage(method, `/api/v1${path}`, body, as)

  async function subscribe(as = bearer, url = receiver.url): Promise<string> {
    const { status, body } = await manage('POST', '/webhooks', { name: 'ours', url, events: ['agent.created'] }, as)
    assert.equal(status, 201, JSON.stringify(body))
    return body.id
  }

  const act = (as = bearer) => manage('POST', '/agents', { name: 'somebody' }, as)
  const stored = (id: string) =>
    estate.db.selectFrom('webhook_deliveries').selectAll().where('webhook_id', '=', id).execute()
  const jobs = async (id: string) =>
    (
      await sql`SELECT FROM pgboss.job WHERE name = 'webhook' AND group_id = ${id} AND state < 'completed'`.execute(
        estate.db,
      )
    ).rows.length
  const ended = (id: string, status: string) =>
    eventually(
      () => stored(id),
      (found) => found.length > 0 && found.every((each) => each.status === status),
    )
  const aside = (id: string) =>
    eventually(
      () => jobs(id),
      (count) => count === 0,
    )

  test('while its webhook is paused waits on, and is delivered when that is resumed', async () => {
    const id = await subscribe()
    await act()
    await receiver.arrived(1)
    await manage('POST', `/webhooks/${id}/pause`)
    await aside(id)
    const tried = receiver.received.length
    await recoverAll()
    assert.equal(await jobs(id), 0, 'nobody takes it for lost')
    const [delivery] = await stored(id)
    assert.deepEqual([delivery?.status, receiver.received.length], ['pending', tried])
    receiver.answer(answering(200))
    await manage('PATCH', `/webhooks/${id}`, { status: 'active' })
    await ended(id, 'delivered')
    assert.equal(receiver.received.length, tried + 1)
  })

  test('and is resumed at once has one job, however often that is done', async () => {
    const id = await subscribe()
    receiver.answer(answering(503, { 'retry-after': '3600' }))
    await act()
    await eventually(
      () => stored(id),
      ([delivery]) => delivery?.attempts === 1,
    )
    for (let n = 0; n < 3; n += 1) {
      await manage('POST', `/webhooks/${id}/pause`)
      await manage('PATCH', `/webhooks/${id}`, { status: 'active' })
    }
    assert.equal(await jobs(id), 1)
  })

  test('for an organization that is shut out waits until it is let in again', async () => {
    const may = await idp.management(tenant)
    const id = await subscribe(may)
    await act(may)
    await receiver.arrived(1)
    const all = estate.db.updateTable('agents').where('organization_id', '=', 'acme')
    await all.set({ status: 'suspended' }).execute()
    await aside(id)
    const tried = receiver.received.length
    receiver.answer(answering(200))
    await recoverAll()
    assert.deepEqual([await jobs(id), receiver.received.length], [0, tried])
    await all.set({ status: 'active' }).execute()
    await recoverAll()
    await ended(id, 'delivered')
  })

  test('and has lost its job, as after a backup was restored, is delivered all the same, and once', async () => {
    const id = await subscribe()
    receiver.answer(answering(503, { 'retry-after': '3600' }))
    await act()
    await eventually(
      () => stored(id),
      ([delivery]) => delivery?.attempts === 1,
    )
    await sql`DELETE FROM pgboss.job WHERE name = 'webhook'`.execute(estate.db)
    receiver.answer(answering(200))
    await recover(estate.db, idp.idp.instance.webhooks.queue, keptMs)
    assert.equal(await jobs(id), 0, 'its time has not come')
    await recoverAll()
    await recoverAll()
    await ended(id, 'delivered')
    assert.equal(receiver.received.length, 2)
  })

  test('is held up by no webhook that cannot be decrypted', async () => {
    const damaged = await subscribe()
    const id = await subscribe(bearer, `${receiver.url}/other`)
    receiver.answer(answering(200))
    await sql`UPDATE webhooks SET url = (SELECT url FROM webhooks WHERE webhook_id = ${id}), revision = revision + 1
      WHERE webhook_id = ${damaged}`.execute(estate.db)
    await act()
    await ended(id, 'delivered')
    const [failed] = await eventually(
      () => stored(damaged),
      ([delivery]) => (delivery?.attempts ?? 0) > 0,
    )
    assert.equal(failed?.last_error, 'the webhook cannot be decrypted')
    const { webhooks } = (await manage('GET', '/webhooks')).body
    assert.deepEqual(
      webhooks.map(({ url }: { url: string | null }) => url),
      [null, `${receiver.url}/other`],
    )
  })

  test('is forgotten some time after it ended', async () => {
    const id = await subscribe()
    receiver.answer(answering(200))
    await act()
    await ended(id, 'delivered')
    await recover(estate.db, idp.idp.instance.webhooks.queue, keptMs)
    assert.equal((await stored(id)).length, 1)
    await recover(estate.db, idp.idp.instance.webhooks.queue, 0)
    assert.deepEqual(await stored(id), [])
  })

  test('is all that happened since somebody subscribed, though nobody had been subscribed before', async () => {
    await eventually(
      () =>
        sql<{ left: number }>`SELECT (SELECT max(seq) FROM audit_chain) - seq AS left FROM webhook_cursor`.execute(
          estate.db,
        ),
      ({ rows }) => Number(rows[0]?.left) === 0,
    )
    // Whoever goes through the chain stands before it; meanwhile somebody subscribes, and something happens.
    const id = await estate.db.transaction().execute(async (transaction) => {
      await sql`LOCK TABLE audit_chain IN ACCESS EXCLUSIVE MODE`.execute(transaction)
      await eventually(
        () =>
          sql`SELECT FROM pg_locks AS waits JOIN pg_locks AS holds USING (pid, database)
            WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND waits.relation = 'audit_chain'::regclass AND NOT waits.granted
              AND holds.relation = 'webhook_cursor'::regclass`.execute(estate.db),
        ({ rows }) => rows.length > 0,
      )
      const made = await subscribe()
      await sql`INSERT INTO audit_chain SELECT (jsonb_populate_record(c, jsonb_build_object('seq', c.seq + 1, 'event_id', gen_random_uuid(), 'text',
          (c.text::jsonb || jsonb_build_object('action', 'agent.created', 'at', now() + interval '1 s', 'organizationId', 'default'))::text)
        )).* FROM audit_chain AS c ORDER BY seq DESC LIMIT 1`.execute(transaction)
      return made
    })
    await eventually(
      () => stored(id),
      (found) => found.length === 1,
    )
  })

  /** As if everything had been due long ago. */
  async function recoverAll(): Promise<void> {
    await sql`UPDATE webhook_deliveries SET next_at = now() - interval '1 h' WHERE status = 'pending'`.execute(
      estate.db,
    )
    await recover(estate.db, idp.idp.instance.webhooks.queue, keptMs)
  }
})
