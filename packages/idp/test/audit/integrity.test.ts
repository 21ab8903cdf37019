import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { type ListedEvent, verifyExport, verifyProof } from '@rekey/database/offline'
import { sql } from 'kysely'
import { admin, type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'
import { addTenant, auditReader, tenant } from './reading.ts'

// One audit for all: what is changed in it is put back, except by the last two, which take its end away.
describe('the integrity of the audit', { timeout: 120_000 }, () => {
  let folder: string
  let estate: Estate
  let idp: TestInstance
  let audit: Awaited<ReturnType<typeof auditReader>>
  let events: ListedEvent[]
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rekey-audit-'))
    estate = await startEstate({ REKEY_AUDIT_CHECKPOINTS: join(folder, 'checkpoints') })
    await addTenant(estate)
    idp = await estate.instance()
    audit = await auditReader(idp)
    events = await someEvents(idp, audit)
  })
  after(async () => {
    await estate.stop()
    await rm(folder, { recursive: true })
  })

  const verify = async () => (await audit.get('/api/v1/audit/verify')).body
  const gauge = async ({ call }: TestInstance) =>
    Number(/^agentidp_audit_chain_integrity (\d)$/m.exec((await call('/metrics')).body)?.[1])
  const brokenSince = async ({ call }: TestInstance) =>
    Number(/^rekey_audit_chain_broken_timestamp_seconds (\S+)$/m.exec((await call('/metrics')).body)?.[1])
  const untilGauge = (instance: TestInstance, wanted: number) =>
    eventually(
      () => gauge(instance),
      (value) => value === wanted,
    )

  /** As the owner of the tables may, who takes the triggers away first. */
  async function tamper(table: string, statement: string): Promise<void> {
    await estate.db.transaction().execute(async (transaction) => {
      for (const text of [
        `ALTER TABLE ${table} DISABLE TRIGGER ALL`,
        statement,
        `ALTER TABLE ${table} ENABLE TRIGGER ALL`,
      ]) {
        await sql.raw(text).execute(transaction)
      }
    })
  }

  /** Changes something for as long as it is looked at; afterwards everything is found to be right again. */
  async function whileTampered(table: string, change: string, back: string, look: () => Promise<void>): Promise<void> {
    await tamper(table, change)
    await look().finally(() => tamper(table, back))
    assert.equal((await verify()).verified, true)
    assert.equal(await gauge(idp), 1)
  }

  const actorOf = ({ id }: ListedEvent, actor: string) =>
    `UPDATE audit_events SET actor = '${actor}' WHERE id = '${id}'`

  async function removeFrom({ seq, id }: ListedEvent): Promise<void> {
    await tamper('audit_checkpoints', `DELETE FROM audit_checkpoints WHERE size >= ${seq}`)
    await tamper('audit_chain', `DELETE FROM audit_chain WHERE seq >= ${seq}`)
    const itsTurn = `(SELECT inserted FROM audit_events WHERE id = '${id}')`
    await tamper('audit_events', `DELETE FROM audit_events WHERE inserted >= ${itsTurn}`)
  }

  async function someEvents(idp: TestInstance, audit: Awaited<ReturnType<typeof auditReader>>): Promise<ListedEvent[]> {
    for (const name of ['a', 'b', 'c']) await idp.manage('POST', '/api/v1/agents', { name }, audit.bearer)
    await audit.until({ action: 'agent.created', actor: admin.clientId }, 3)
    const events = await audit.all({ order: 'oldest' })
    await eventually(
      () => audit.get('/api/v1/audit/checkpoint'),
      ({ body }) => body.size >= events.length,
    )
    return events
  }

  test('is confirmed by reading all of it', async () => {
    const verdict = await verify()
    assert.equal(verdict.verified, true, JSON.stringify(verdict))
    assert.ok(verdict.checkedCount >= events.length)
    assert.deepEqual(verdict.problems, [])
    assert.equal(verdict.brokenAt, undefined)
    assert.match(verdict.root, /\S{32,}/)
    assert.equal(await gauge(idp), 1)
    const { body } = await idp.call('/metrics')
    assert.match(body, /^rekey_audit_chain_size [1-9]\d*$/m)
    for (const name of ['oldest_waiting', 'verified_age', 'checkpoint_kept_age']) {
      const [, seconds] = new RegExp(`^rekey_audit_${name}_seconds ([\\d.e-]+)$`, 'm').exec(body) ?? []
      assert.ok(Number(seconds) < 60, `${name}: ${seconds}`)
    }
  })

  test('is vouched for by a signed checkpoint, which names the issuer', async () => {
    const { body } = await audit.get('/api/v1/audit/checkpoint')
    assert.ok(body.size >= events.length)
    assert.deepEqual([body.integrity, body.chained >= body.size], [true, true])
    const origin = `localhost:${new URL(idp.url).port}`
    assert.match(body.checkpoint, new RegExp(`^${origin}\n\\d+\n[\\w+/]+=\n(.*\n)*\n— ${origin} \\S+\n$`))
  })

  test('of one event is proved by what its proof holds', async () => {
    const event = events.at(-2) as ListedEvent
    const { status, body: proof } = await audit.get(`/api/v1/audit/events/${event.id}/proof`)
    assert.equal(status, 200)
    assert.equal(proof.seq, event.seq)
    assert.equal(proof.hash, event.hash)
    const { signer } = await verify()
    assert.deepEqual(verifyProof(proof, signer), { verified: true, signer })
    const changed = { ...proof, event: proof.event.replace('"actor":"', '"actor":"x') }
    assert.equal(verifyProof(changed, signer).verified, false)
  })

  test('is confirmed from an export alone', async () => {
    const headers = { authorization: `Bearer ${audit.bearer}` }
    const reply = await fetch(`${idp.url}/api/v1/audit/export`, { headers })
    assert.equal(reply.headers.get('content-type'), 'application/x-ndjson')
    const text = await reply.text()
    const { signer } = await verify()
    const verdict = await verifyExport(Readable.from([Buffer.from(text)]), { signer })
    assert.equal(verdict.verified, true, JSON.stringify(verdict))
    assert.ok(verdict.checkedCount >= events.length)
    const changed = text.replace('"actor":"admin-1"', '"actor":"admin-2"')
    assert.equal((await verifyExport(Readable.from([Buffer.from(changed)]), { signer })).verified, false)
  })

  test('is lost with one changed row, which is named, and the gauge falls', async () => {
    const victim = events.at(-3) as ListedEvent
    await whileTampered('audit_events', actorOf(victim, 'innocent'), actorOf(victim, victim.actor), async () => {
      const verdict = await verify()
      assert.deepEqual([verdict.verified, verdict.brokenAt, verdict.brokenAtEventId], [false, victim.seq, victim.id])
      assert.ok(verdict.problems.length > 0)
      assert.equal(await gauge(idp), 0)
      assert.equal((await audit.get('/api/v1/audit/checkpoint')).body.integrity, false)
      const since = await brokenSince(idp)
      assert.ok(since > 1_700_000_000)
      assert.equal((await verify()).verified, false)
      assert.equal(await brokenSince(idp), since, 'it is when it was first seen')
    })
  })

  test('is lost with a changed link of the chain', async () => {
    const { seq } = events.at(-2) as ListedEvent
    const replaced = (from: string, to: string) =>
      `UPDATE audit_chain SET text = replace(text, '"actor":"${from}', '"actor":"${to}') WHERE seq = ${seq}`
    await whileTampered('audit_chain', replaced('', 'x'), replaced('x', ''), async () => {
      const verdict = await verify()
      assert.deepEqual([verdict.verified, verdict.brokenAt], [false, seq])
      assert.equal(await gauge(idp), 0)
    })
  })

  test('is shown to each organization as far as it concerns it', async () => {
    const first = events[0] as ListedEvent
    const theirs = await auditReader(idp, tenant)
    for (const path of [
      `/api/v1/audit/events/${first.id}`,
      `/api/v1/audit/events/${first.id}/proof`,
      '/api/v1/audit/export',
    ]) {
      const { status, body } = await theirs.get(path)
      assert.deepEqual([path, status, body.code], [path, 403, 'FORBIDDEN'])
    }
    const [own] = await theirs.until({ action: 'token.issued' })
    const { status, body } = await theirs.get(`/api/v1/audit/events/${own?.id}`)
    assert.deepEqual([status, body], [200, own])
    await eventually(
      () => theirs.get(`/api/v1/audit/events/${own?.id}/proof`),
      (reply) => reply.status === 200,
    )
    assert.equal((await audit.get(`/api/v1/audit/events/${own?.id}`)).status, 403, 'nor may who runs the estate see it')
    await whileTampered('audit_events', actorOf(first, 'innocent'), actorOf(first, first.actor), async () => {
      const before = (await theirs.get('/api/v1/audit/verify')).body
      assert.deepEqual([before.verified, before.ageSeconds > 0], [true, true], 'a tenant is told what was found last')
      assert.equal((await verify()).ageSeconds, 0)
      const verdict = (await theirs.get('/api/v1/audit/verify')).body
      assert.deepEqual([verdict.verified, verdict.problems], [false, []])
    })
  })

  test('of an event that is not there, or not in the chain yet, is not claimed', async () => {
    const unknown = '00000000-0000-4000-8000-000000000000'
    assert.equal((await audit.get(`/api/v1/audit/events/${unknown}`)).body.code, 'UNKNOWN_EVENT')
    assert.equal((await audit.get(`/api/v1/audit/events/${unknown}/proof`)).body.code, 'UNKNOWN_EVENT')
    assert.equal((await audit.get('/api/v1/audit/events/x')).body.code, 'INVALID_REQUEST')
    const add = `INSERT INTO audit_events (id, action, outcome, actor, details) VALUES ('${unknown}', 'x', 'success', 'x', '{}')`
    const remove = `DELETE FROM audit_events WHERE id = '${unknown}'`
    await whileTampered('audit_events', add, remove, async () => {
      assert.equal((await audit.get(`/api/v1/audit/events/${unknown}`)).body.code, 'EVENT_NOT_CHAINED')
      assert.equal((await audit.get(`/api/v1/audit/events/${unknown}/proof`)).body.code, 'EVENT_NOT_CHAINED')
    })
  })

  test('lost while no instance ran is noticed at start, by what was kept outside the database', async () => {
    await idp.close()
    await removeFrom(events.at(-1) as ListedEvent)
    const again = await estate.instance()
    await untilGauge(again, 0)
    assert.ok(
      again.lines.some((line) => /audit/.test(line) && /"level":50/.test(line)),
      'and the log says so',
    )
    await again.close()
  })

  test('is lost with the removed last row, of which nothing is left in the database, without anybody asking', async () => {
    const forgetful = await estate.instance({ REKEY_AUDIT_CHECKPOINTS: join(folder, 'others') })
    const found = await someEvents(forgetful, await auditReader(forgetful))
    await untilGauge(forgetful, 1)
    await removeFrom(found.at(-1) as ListedEvent)
    await untilGauge(forgetful, 0)
  })
})
