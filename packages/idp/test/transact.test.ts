import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Kysely, sql } from 'kysely'
import { type Estate, startEstate, type TestInstance } from './estate.ts'

describe('a change that PostgreSQL ends because of a deadlock', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    await deadlocks(estate.db)
  })
  after(() => estate.stop())

  const limit = (times: number) => sql`SELECT setval('ends_left', ${times} + 1)`.execute(estate.db)
  const suspend = () => idp.manage('POST', '/api/v1/agents/agent-1/suspend', {})

  test('is made once more, and its caller notices nothing', async () => {
    await limit(1)
    const { status, body } = await suspend()
    assert.deepEqual([status, body.status], [200, 'suspended'])
  })

  test('is refused when that happens again, and the log names the cause', async () => {
    await limit(2)
    const { status, body } = await idp.manage('POST', '/api/v1/agents/agent-1/reactivate', {})
    assert.deepEqual([status, body.code], [503, 'DATABASE_UNAVAILABLE'])
    const line = idp.lines.map((text) => JSON.parse(text)).find(({ code }) => code === 'DATABASE_UNAVAILABLE')
    assert.partialDeepStrictEqual(line, { status: 503, cause: { code: 'TRY_AGAIN', sqlState: '40P01' } })
    assert.doesNotMatch(JSON.stringify(body), /40P01/)
  })
})

/** From now on as many changes of agents end so as the sequence counts down from. */
async function deadlocks<Tables>(db: Kysely<Tables>): Promise<void> {
  await sql`CREATE SEQUENCE ends_left INCREMENT -1 MINVALUE -1000 MAXVALUE 1000 START 1`.execute(db)
  await sql`CREATE FUNCTION end_as_a_deadlock() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
      IF nextval('ends_left') > 0 THEN RAISE SQLSTATE '40P01' USING MESSAGE = 'deadlock detected'; END IF;
      RETURN NEW;
    END $$`.execute(db)
  await sql`CREATE TRIGGER ends BEFORE UPDATE ON agents FOR EACH ROW EXECUTE FUNCTION end_as_a_deadlock()`.execute(db)
}
