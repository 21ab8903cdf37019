import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, describe, test } from 'node:test'
import { verifyExport, verifyProof } from '@rekey/database/offline'
import { sql } from 'kysely'
import { type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'
import { addTenant, auditReader, type Shown, tenant } from './reading.ts'

describe('the integrity of the audit', { timeout: 120_000 }, () => {
  const undo: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step()
  })

  async function setting() {
    const folder = await mkdtemp(join(tmpdir(), 'rekey-audit-'))
    undo.push(() => rm(folder, { recursive: true }))
    const checkpoints = join(folder, 'checkpoints')
    const estate = await startEstate({ REKEY_AUDIT_CHECKPOINTS: checkpoints })
    undo.push(estate.stop)
    await addTenant(estate)
    const idp = await estate.instance()
    const audit = await auditReader(idp)
    const verify = async () => (await audit.get('/api/v1/audit/verify')).body
    return { estate, idp, audit, verify, checkpoints }
  }

  const gauge = async (idp: TestInstance) =>
    Number(/^agentidp_audit_chain_integrity (\d)$/m.exec((await idp.call('/metrics')).body)?.[1])

  /** As the owner of the tables may, who takes the triggers away first. */
  async function tamper({ db }: Estate, table: string, statement: string): Promise<void> {
    await db.transaction().execute(async (transaction) => {
      for (const text of [
        `ALTER TABLE ${table} DISABLE TRIGGER ALL`,
        statement,
        `ALTER TABLE ${table} ENABLE TRIGGER ALL`,
      ]) {
        await sql.raw(text).execute(transaction)
      }
    })
  }

  async function someEvents(idp: TestInstance, audit: Awaited<ReturnType<typeof auditReader>>): Promise<Shown[]> {
    for (const name of ['a', 'b', 'c']) await idp.manage('POST', '/api/v1/agents', { name }, audit.bearer)
    await audit.until({ action: 'agent.created' }, 3)
    const events = await audit.all({ order: 'oldest' })
    await eventually(
      () => audit.get('/api/v1/audit/checkpoint'),
      ({ body }) => body.size >= events.length,
    )
    return events
  }

  test('is confirmed by reading all of it', async () => {
    const { idp, audit, verify } = await setting()
    const events = await someEvents(idp, audit)
    const verdict = await verify()
    assert.equal(verdict.verified, true, JSON.stringify(verdict))
    assert.ok(verdict.checkedCount >= events.length)
    assert.deepEqual(verdict.problems, [])
    assert.equal(verdict.brokenAt, undefined)
    assert.match(verdict.root, /\S{32,}/)
    assert.equal(await gauge(idp), 1)
    assert.match((await idp.call('/metrics')).body, /^rekey_audit_chain_size [1-9]\d*$/m)
  })

  test('is lost with one changed row, which is named, and the gauge falls', async () => {
    const { estate, idp, audit, verify } = await setting()
    const events = await someEvents(idp, audit)
    const victim = events.at(-3) as Shown
    await tamper(estate, 'audit_events', `UPDATE audit_events SET actor = 'innocent' WHERE id = '${victim.id}'`)
    const verdict = await verify()
    assert.deepEqual([verdict.verified, verdict.brokenAt, verdict.brokenAtEventId], [false, victim.seq, victim.id])
    assert.ok(verdict.problems.length > 0)
    assert.equal(await gauge(idp), 0)
  })

  test('is lost with a changed link of the chain', async () => {
    const { estate, idp, audit, verify } = await setting()
    const events = await someEvents(idp, audit)
    const victim = events.at(-2) as Shown
    const change = `UPDATE audit_chain SET text = replace(text, '"actor":"', '"actor":"x') WHERE seq = ${victim.seq}`
    await tamper(estate, 'audit_chain', change)
    const verdict = await verify()
    assert.deepEqual([verdict.verified, verdict.brokenAt], [false, victim.seq])
    assert.equal(await gauge(idp), 0)
  })

  test('is lost with the removed last row, of which nothing is left in the database, without anybody asking', async () => {
    const { estate, idp, audit } = await setting()
    const events = await someEvents(idp, audit)
    const last = events.at(-1) as Shown
    await tamper(estate, 'audit_checkpoints', `DELETE FROM audit_checkpoints WHERE size >= ${last.seq}`)
    await tamper(estate, 'audit_chain', `DELETE FROM audit_chain WHERE seq >= ${last.seq}`)
    await tamper(estate, 'audit_events', `DELETE FROM audit_events WHERE id = '${last.id}'`)
    await eventually(
      () => gauge(idp),
      (value) => value === 0,
    )
  })

  test('lost while no instance ran is noticed at start, by what was kept outside the database', async () => {
    const { estate, idp, audit } = await setting()
    const events = await someEvents(idp, audit)
    await idp.close()
    const last = events.at(-1) as Shown
    await tamper(estate, 'audit_checkpoints', `DELETE FROM audit_checkpoints WHERE size >= ${last.seq}`)
    await tamper(estate, 'audit_chain', `DELETE FROM audit_chain WHERE seq >= ${last.seq}`)
    await tamper(
      estate,
      'audit_events',
      `DELETE FROM audit_events WHERE inserted >=
      (SELECT inserted FROM audit_events WHERE id = '${last.id}')`,
    )
    const again = await estate.instance()
    await eventually(
      () => gauge(again),
      (value) => value === 0,
    )
    assert.ok(
      again.lines.some((line) => /audit/.test(line) && /"level":50/.test(line)),
      'and the log says so',
    )
  })

  test('of one event is proved by what its proof holds', async () => {
    const { idp, audit, verify } = await setting()
    const event = (await someEvents(idp, audit)).at(-2) as Shown
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
    const { idp, audit, verify } = await setting()
    const events = await someEvents(idp, audit)
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

  test('is shown to each organization as far as it concerns it', async () => {
    const { estate, idp, audit } = await setting()
    const [first] = await someEvents(idp, audit)
    const theirs = await auditReader(idp, tenant)
    for (const path of [
      `/api/v1/audit/events/${first?.id}`,
      `/api/v1/audit/events/${first?.id}/proof`,
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
    await tamper(estate, 'audit_events', `UPDATE audit_events SET actor = 'innocent' WHERE id = '${first?.id}'`)
    const verdict = (await theirs.get('/api/v1/audit/verify')).body
    assert.deepEqual([verdict.verified, verdict.problems], [false, []])
  })

  test('of an event that is not there, or not in the chain yet, is not claimed', async () => {
    const { estate, audit } = await setting()
    const unknown = '00000000-0000-4000-8000-000000000000'
    assert.equal((await audit.get(`/api/v1/audit/events/${unknown}`)).body.code, 'UNKNOWN_EVENT')
    assert.equal((await audit.get(`/api/v1/audit/events/${unknown}/proof`)).body.code, 'UNKNOWN_EVENT')
    assert.equal((await audit.get('/api/v1/audit/events/x')).body.code, 'INVALID_REQUEST')
    await sql`ALTER TABLE audit_events DISABLE TRIGGER audit_events_wait`.execute(estate.db)
    await sql`INSERT INTO audit_events (id, action, outcome, actor, details) VALUES (${unknown}, 'x', 'success', 'x', '{}')`.execute(
      estate.db,
    )
    assert.equal((await audit.get(`/api/v1/audit/events/${unknown}`)).body.code, 'EVENT_NOT_CHAINED')
    assert.equal((await audit.get(`/api/v1/audit/events/${unknown}/proof`)).body.code, 'EVENT_NOT_CHAINED')
  })

  test('is vouched for by a signed checkpoint', async () => {
    const { idp, audit } = await setting()
    const events = await someEvents(idp, audit)
    const { body } = await audit.get('/api/v1/audit/checkpoint')
    assert.ok(body.size >= events.length)
    assert.match(body.checkpoint, /^localhost\n\d+\n[\w+/]+=\n(.*\n)*\n— localhost \S+\n$/)
  })
})
