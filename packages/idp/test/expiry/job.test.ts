import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Connection, connect, type Jobs, openJobs } from '@rekey/database'
import { type TestDatabase, testDatabase } from '@rekey/database/testing'
import { sql } from 'kysely'
import { pino } from 'pino'
import { secretsRotationJob } from '../../src/expiry/job.ts'
import { migrateIdp } from '../../src/migrations.ts'
import type { IdpTables } from '../../src/tables.ts'
import { eventually } from '../estate.ts'

const config = { expiry: { warningMs: 7 * 86_400_000 } }
const log = pino({ level: 'silent' })

describe('SecretsRotationJob, as jobs are done', { timeout: 60_000 }, () => {
  let database: TestDatabase
  let service: Connection<IdpTables>
  const opened: Jobs[] = []
  before(async () => {
    database = await testDatabase()
    await migrateIdp(database.ownerUrl)
    service = connect(database.serviceUrl)
  })
  after(async () => {
    await Promise.all(opened.map((jobs) => jobs.close()))
    await service.close()
    await database.drop()
  })

  /** An instance begins. @param isWanted may it go on? */
  async function begin(isWanted = () => true): Promise<Jobs> {
    const jobs = await openJobs(service.pool, { enabled: () => true, onError: (error) => assert.fail(String(error)) })
    opened.push(jobs)
    await secretsRotationJob(jobs, service.db, config, isWanted, log)
    return jobs
  }

  async function addExpiring(prefix: string, count: number): Promise<void> {
    await sql`INSERT INTO agents (agent_id, organization_id) SELECT ${prefix} || n, 'default' FROM generate_series(1, ${count}::int) AS n`.execute(
      service.db,
    )
    await sql`INSERT INTO credentials (credential_id, agent_id, secret_hash, expires_at)
      SELECT ${prefix} || n, ${prefix} || n, '\\x00', now() + interval '1 day'
      FROM generate_series(1, ${count}::int) AS n`.execute(service.db)
  }

  async function countTold(): Promise<number> {
    const { rows } = await sql<{ count: number }>`SELECT count(*)::int AS count FROM audit_events
      WHERE action = 'credential.expiring_soon'`.execute(service.db)
    return rows[0]?.count ?? 0
  }

  test('runs hourly, and whenever an instance is started', async () => {
    await addExpiring('one-', 3)
    const jobs = await begin()
    await eventually(countTold, (count) => count === 3)
    const { rows } = await sql<{ cron: string; timezone: string }>`
      SELECT cron, timezone FROM pgboss.schedule WHERE name = 'secrets-rotation'`.execute(service.db)
    assert.deepEqual(rows, [{ cron: '0 * * * *', timezone: 'UTC' }])
    await jobs.close()
    await addExpiring('two-', 2)
    await begin()
    await eventually(countTold, (count) => count === 5)
  })

  test('of several instances that are started at once tells of each credential once', async () => {
    const before = await countTold()
    await addExpiring('three-', 1_200)
    await Promise.all([begin(), begin(), begin()])
    await eventually(countTold, (count) => count >= before + 1_200)
    assert.equal(await countTold(), before + 1_200)
  })

  test('is gone on with by another instance where one had to stop', async () => {
    for (const jobs of opened.splice(0)) await jobs.close()
    const before = await countTold()
    await addExpiring('four-', 700)
    const wanted = [true]
    const first = await begin(() => wanted.shift() ?? false)
    await eventually(countTold, (count) => count > before)
    await first.close()
    assert.ok((await countTold()) < before + 700)
    await begin()
    await eventually(countTold, (count) => count === before + 700)
  })
})
