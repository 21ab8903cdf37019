import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type AuditEvent, recordEvent } from '../../src/audit/record.ts'
import { type Connection, connect } from '../../src/connection/connect.ts'
import type { DatabaseTables } from '../../src/tables.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/database.ts'

describe('an audit event', () => {
  let database: TestDatabase
  let service: Connection<DatabaseTables>
  let owner: Connection<DatabaseTables>
  before(async () => {
    database = await testDatabase()
    service = connect(database.serviceUrl)
    owner = connect(database.ownerUrl)
    await record({ action: 'test.kept', outcome: 'success', actor: 'ops', details: {} })
  })
  after(async () => {
    await Promise.all([service.close(), owner.close()])
    await database.drop()
  })

  const record = (event: AuditEvent) =>
    service.db.transaction().execute((transaction) => recordEvent(transaction, event))
  const count = async () => Number((await service.pool.query('SELECT count(*) AS n FROM audit_events')).rows[0].n)
  const find = (action: string) =>
    service.db.selectFrom('audit_events').selectAll().where('action', '=', action).executeTakeFirst()

  it('is written down as it is told, with its time and its place in the order', async () => {
    const event: AuditEvent = {
      action: 'agent.created',
      outcome: 'refused',
      actor: "O'Hara \u{1f511}",
      agentId: 'agent-1',
      organizationId: 'org-1',
      details: { nested: { list: [1, 'two', null] } },
    }
    await record(event)
    const { id, inserted, at, ...told } = (await find('agent.created')) ?? assert.fail('there is no event')
    assert.match(id, /^[0-9a-f-]{36}$/)
    assert.ok(inserted > 1 && at > 0)
    const { agentId: agent_id, organizationId: organization_id, ...others } = event
    assert.deepEqual(told, { agent_id, organization_id, ...others })
  })

  it('goes with the change that it tells of when that is rolled back', async () => {
    const before = await count()
    const failing = service.db.transaction().execute(async (transaction) => {
      await recordEvent(transaction, { action: 'test.undone', outcome: 'success', actor: 'ops', details: {} })
      throw new Error('the change failed')
    })
    await assert.rejects(failing, /the change failed/)
    assert.equal(await count(), before)
  })

  const harms = {
    UPDATE: "UPDATE audit_events SET actor = 'nobody'",
    DELETE: 'DELETE FROM audit_events',
    TRUNCATE: 'TRUNCATE audit_events',
    'an upsert': `INSERT INTO audit_events (id, action, outcome, actor, details) SELECT id, 'a', 'b', 'c', '{}'
      FROM audit_events ON CONFLICT (id) DO UPDATE SET actor = 'nobody'`,
    MERGE: 'MERGE INTO audit_events e USING audit_events f ON e.id = f.id WHEN MATCHED THEN DELETE',
  }
  for (const [name, statement] of Object.entries(harms)) {
    it(`is safe from ${name} by the service`, async () => {
      await assert.rejects(service.pool.query(statement), { code: '42501', message: /permission denied/ })
      assert.equal((await find('test.kept'))?.actor, 'ops')
    })

    it(`is safe from ${name} by the owner of the table`, async () => {
      await assert.rejects(owner.pool.query(statement), { code: '42501', message: /only ever added/ })
      assert.equal((await find('test.kept'))?.actor, 'ops')
    })
  }

  for (const statement of [
    'ALTER TABLE audit_events DISABLE TRIGGER ALL',
    'DROP TRIGGER audit_events_immutable ON audit_events',
    'DROP TABLE audit_events',
    "SET session_replication_role = 'replica'",
  ]) {
    it(`keeps its guard when the service says ${statement}`, async () => {
      await assert.rejects(service.pool.query(statement), { code: '42501' })
    })
  }
})
