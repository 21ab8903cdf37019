import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { type Connection, connect } from '@rekey/database'
import { sql } from 'kysely'
import { tellOfExpiring } from '../../src/expiry/tell.ts'
import type { IdpTables } from '../../src/tables.ts'
import { iso, settingOf, type TestCredential } from '../credentials/setting.ts'
import { eventually } from '../estate.ts'

const dayMs = 86_400_000
const aWeek = 7 * dayMs

describe('SecretsRotationJob', { timeout: 60_000 }, () => {
  const setting = settingOf(1)
  const { credential, rotate, events } = setting
  /** Another instance, as far as the scan is concerned: by the role of the service. */
  let other: Connection<IdpTables>
  before(async () => {
    other = connect<IdpTables>(setting.estate().database.serviceUrl, { max: 8 })
    // What the instance does by itself would be in the way: its first run is over, and no other comes.
    await sql`DELETE FROM pgboss.schedule`.execute(other.db)
    await eventually(
      () => sql`SELECT FROM pgboss.job WHERE name = 'secrets-rotation' AND state < 'completed'`.execute(other.db),
      ({ rows }) => rows.length === 0,
    )
  })
  after(() => other.close())

  const inDays = (days: number) => iso(Date.now() + days * dayMs)
  const tell = async (warningMs = aWeek) => (await tellOfExpiring(other.db, warningMs)).told
  const told = async (of: TestCredential) =>
    (await events(of)).filter(({ action }) => action === 'credential.expiring_soon')

  test('tells of a credential that expires within seven days: which it is, whose, and when it ends', async () => {
    const made = await credential({ expiresAt: inDays(6) }, { deploymentEnv: 'staging', owner: 'team-ann' })
    assert.equal(await tell(), 1)
    const [event] = await told(made)
    const { version, ...details } = event?.details ?? {}
    assert.deepEqual(details, {
      credentialId: made.credentialId,
      kind: 'client-secret',
      environment: 'staging',
      expiresAt: made.expiresAt,
    })
    const shown = await setting.detail(made)
    assert.equal(version, shown.versions[0].id)
    assert.deepEqual([event?.actor, event?.outcome, event?.organization_id], ['rekey', 'success', 'default'])
    assert.equal(JSON.stringify(event).includes('team-ann'), false, 'the audit forgets nothing')
  })

  test('tells of each version once, however often it runs', async () => {
    const made = await credential({ expiresAt: inDays(5) })
    for (let runs = 0; runs < 3; runs += 1) await tell()
    assert.equal((await told(made)).length, 1)
    await rotate(made, { expiresAt: inDays(5) })
    for (let runs = 0; runs < 3; runs += 1) await tell()
    const versions = (await told(made)).map(({ details }) => details.version)
    assert.equal(new Set(versions).size, 2, 'the next version is another one')
  })

  test('tells of a client key as of a client secret', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = publicKey.export({ format: 'jwk' })
    const made = await credential({ jwk, expiresAt: inDays(2) })
    await tell()
    const [event] = await told(made)
    assert.equal(event?.details.kind, 'client-key')
  })

  test('says nothing of what ends later, never, or has ended; of what is rotated, revoked or suspended in time', async () => {
    const made = {
      later: await credential({ expiresAt: inDays(8) }),
      never: await credential(),
      ended: await credential({ expiresAt: inDays(1) }),
      rotated: await credential({ expiresAt: inDays(3) }),
      revoked: await credential({ expiresAt: inDays(3) }),
      suspended: await credential({ expiresAt: inDays(3) }),
    }
    await sql`UPDATE credentials SET expires_at = now() - interval '1 minute'
      WHERE credential_id = ${made.ended.credentialId}`.execute(other.db)
    await rotate(made.rotated, { expiresAt: inDays(90) })
    const { clientId, credentialId } = made.revoked
    await setting.idp().manage('DELETE', `/api/v1/agents/${clientId}/credentials/${credentialId}`)
    const agent = `/api/v1/agents/${made.suspended.clientId}`
    await setting.idp().manage('POST', `${agent}/suspend`)
    await tell()
    for (const [name, each] of Object.entries(made)) assert.deepEqual(await told(each), [], name)
    await setting.idp().manage('POST', `${agent}/reactivate`)
    await tell()
    assert.equal((await told(made.suspended)).length, 1, 'it is active again, and still expires')
    await tell(9 * dayMs)
    assert.equal((await told(made.later)).length, 1, 'as early as one wants it')
  })

  test('knows credentials that a release before this one wrote', async () => {
    const made = await credential()
    await sql`UPDATE credentials SET document = NULL, expires_at = now() + interval '1 day'
      WHERE credential_id = ${made.credentialId}`.execute(other.db)
    await tell()
    const [event] = await told(made)
    assert.equal(event?.details.version, 'first')
  })

  test('tells of each one once although several run at once, and of more than go into a batch', async () => {
    const count = 1_700
    await addExpiring(count)
    const passes = await Promise.all([tell(), tell(), tell(), tell()])
    // What one of them held under its hands when another came by.
    const rest = await tell()
    const sum = passes.reduce((total, each) => total + each, rest)
    assert.equal(sum, count)
    assert.equal(await countTold(), count)
    assert.equal(await tell(), 0)
  })

  test('is carried on where it was cut short', async () => {
    const count = 1_200
    await addExpiring(count)
    const before = await countTold()
    const wanted = [true, false]
    const first = await tellOfExpiring(other.db, aWeek, () => wanted.shift() ?? false)
    assert.ok(first.told > 0 && first.told < count, String(first.told))
    assert.equal(first.isCutShort, true)
    assert.equal(first.told + (await tell()), count)
    assert.equal((await countTold()) - before, count)
  })

  test('notes and tells in one transaction: what fails was not told of', async () => {
    const made = await credential({ expiresAt: inDays(1) })
    const { db } = setting.estate()
    const refuse = sql`CREATE FUNCTION refuse_events() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'no room'; END $$`
    await refuse.execute(db)
    await sql`CREATE TRIGGER refused BEFORE INSERT ON audit_events
      FOR EACH ROW WHEN (NEW.action = 'credential.expiring_soon') EXECUTE FUNCTION refuse_events()`.execute(db)
    await assert.rejects(tell(), /no room/)
    await sql`DROP TRIGGER refused ON audit_events`.execute(db)
    assert.equal(await tell(), 1)
    assert.equal((await told(made)).length, 1)
  })

  /** Agents that have a credential each which ends in some days. */
  async function addExpiring(count: number): Promise<void> {
    const prefix = `bulk-${randomUUID()}`
    const { db } = setting.estate()
    await sql`INSERT INTO agents (agent_id, organization_id) SELECT ${prefix} || n, 'bulk'
      FROM generate_series(1, ${count}::int) AS n`.execute(db)
    await sql`INSERT INTO credentials (credential_id, agent_id, secret_hash, expires_at)
      SELECT ${prefix} || n, ${prefix} || n, '\\x00', now() + n * interval '1 second' + interval '1 day'
      FROM generate_series(1, ${count}::int) AS n`.execute(db)
  }

  async function countTold(): Promise<number> {
    const { rows } = await sql<{ count: number; distinct: number }>`
      SELECT count(*)::int AS count, count(DISTINCT details ->> 'credentialId')::int AS distinct FROM audit_events
      WHERE action = 'credential.expiring_soon' AND organization_id = 'bulk'`.execute(other.db)
    assert.equal(rows[0]?.count, rows[0]?.distinct)
    return rows[0]?.count ?? 0
  }
})
