import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { databaseKeyringStore } from '@rekey/database'
import type { Keyring } from '@rekey/keyring'
import { sql } from 'kysely'
import { type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'
import { activeId, columnsOf, keyringOf, untilAllIsMoved, versionsStored } from './setting.ts'

describe('encrypted columns', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let agentId: string
  const described = { name: 'crawler', email: 'ada@example.org', owner: 'Ada Lovelace' }
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    agentId = (await idp.manage('POST', '/api/v1/agents', described)).body.agentId
  })
  after(() => estate.stop())

  const show = async () => (await idp.manage('GET', `/api/v1/agents/${agentId}`)).body
  const rowOf = async (id: string) =>
    estate.db.selectFrom('agents').select(['email', 'owner']).where('agent_id', '=', id).executeTakeFirstOrThrow()

  test('are read as they were written, and lie in the database encrypted', async () => {
    assert.partialDeepStrictEqual(await show(), described)
    const { email, owner } = await rowOf(agentId)
    const sealing = `c1.${await activeId(idp)}.`
    assert.ok(email?.startsWith(sealing) && owner?.startsWith(sealing))
    const { rows } = await sql`SELECT * FROM audit_events WHERE agent_id = ${agentId}`.execute(estate.db)
    assert.doesNotMatch(JSON.stringify(rows), /ada@example|Lovelace/)
    assert.doesNotMatch(idp.lines.join(''), /ada@example|Lovelace/)
  })

  test('do not open in another row, and not in another column', async () => {
    const { email } = await rowOf(agentId)
    const other = (await idp.manage('POST', '/api/v1/agents', { name: 'other', owner: 'nobody' })).body.agentId
    await estate.db.updateTable('agents').set({ owner: email }).where('agent_id', '=', other).execute()
    const { body } = await idp.manage('GET', `/api/v1/agents/${other}`)
    await estate.db.deleteFrom('agents').where('agent_id', '=', other).execute()
    assert.deepEqual([body.owner, body.unreadable], [undefined, ['owner']])
  })

  test('are found by owner, which no query of the database can do any more', async () => {
    const found = await idp.manage('GET', `/api/v1/agents?owner=${encodeURIComponent(described.owner)}`)
    assert.deepEqual(
      found.body.agents.map(({ name }: { name: string }) => name),
      ['crawler'],
    )
  })

  test('show agents that were made when the estate was set up as such', async () => {
    assert.equal((await idp.manage('GET', '/api/v1/agents/agent-1')).body.owner, 'rekey setup')
    assert.equal((await rowOf('agent-1')).owner, null)
  })

  test('are encrypted anew by the next key as soon as it seals, and the old one waits for the backups', async () => {
    const old = await activeId(idp)
    assert.equal((await idp.manage('POST', '/api/v1/keyrings/columns/rotate', {})).status, 202)
    const { sealing } = await eventually(
      () => columnsOf(idp),
      (seen) => seen.sealing !== old && seen.left === 0,
    )
    assert.deepEqual(Object.keys(await versionsStored(estate)), [sealing])
    assert.partialDeepStrictEqual(await show(), described)
    const { waiting } = await eventually(
      () => keyringOf(idp),
      (keyring) => keyring.waiting.some(({ opensAt }: { opensAt: string | null }) => opensAt !== null),
    )
    const [wait] = waiting
    assert.deepEqual(
      [wait.step, wait.version, wait.for],
      ['retire', old, [`backups that have rows encrypted by ${old}`]],
    )
    assert.ok(Date.parse(wait.opensAt) > Date.now() + 29 * 86_400_000)
    const done = await eventually(
      () =>
        estate.db.selectFrom('audit_events').select('details').where('action', '=', 'columns.reencrypted').execute(),
      (events) => events.length > 0,
    )
    assert.deepEqual(done.at(-1)?.details, { version: sealing, values: 2, left: 0 })
  })

  test('are counted by version for whoever scrapes', async () => {
    const { body } = await idp.call('/metrics')
    const sealing = await activeId(idp)
    assert.match(body, new RegExp(`rekey_column_values\\{column="agents.owner",version="${sealing}"\\} 1`))
    assert.match(body, /rekey_keyring_versions\{keyring="columns",state="active"\} 1/)
  })

  test('are left alone while an operator has paused it, and moved when he goes on, at his pace', async () => {
    assert.equal((await idp.manage('POST', '/api/v1/columns/pause')).body.reencryption.paused, true)
    const old = await activeId(idp)
    await idp.manage('POST', '/api/v1/keyrings/columns/rotate', {})
    const paused = await eventually(
      () => columnsOf(idp),
      (seen) => seen.sealing !== old && seen.worries.length > 0,
    )
    assert.equal(paused.left, 2)
    assert.match(paused.worries[0].what, /2 encrypted values lie under another key .* is paused/)
    assert.equal((await idp.manage('POST', '/api/v1/columns/reencrypt', { perSecond: 1_000 })).status, 202)
    assert.equal((await untilAllIsMoved(idp)).reencryption.perSecond, 1_000)
    for (const perSecond of [0, -1, 1.5, 'fast']) {
      assert.equal((await idp.manage('POST', '/api/v1/columns/reencrypt', { perSecond })).status, 400)
    }
  })

  test('are none of the keys that sign', async () => {
    const [jwks, historical, move] = [
      (await idp.call('/.well-known/jwks.json')).body,
      (await idp.call('/.well-known/federation-historical-keys')).body,
      await idp.manage('PUT', '/api/v1/issuance', { keyring: 'columns', force: true }),
    ]
    const claims = JSON.parse(Buffer.from(historical.split('.')[1], 'base64url').toString())
    assert.doesNotMatch(JSON.stringify([jwks, claims]), /columns-/)
    assert.equal(move.body.code, 'UNKNOWN_KEYRING')
  })

  test('are not known to a release that does not say so: it is let in no more', async () => {
    const enter = sql`INSERT INTO instances (id, address, applied, lease_until, root_keys)
      SELECT 'older', 'older:80', 0, clock_timestamp() + interval '1 minute', array_agg(id) FROM root_keys`
    await assert.rejects(enter.execute(estate.db), /columns of this database are encrypted/)
  })
})

test('Columns are not encrypted while an instance is live that knows nothing of it', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate({ REKEY_ADMIT_LEGACY_COLUMNS: 'plain' })
  t.after(() => estate.stop())
  await sql`INSERT INTO instances (id, address, applied, lease_until)
    VALUES ('older', 'older:80', 1000000, clock_timestamp() + interval '1 minute')`.execute(estate.db)
  const idp = await estate.instance()
  const { agentId } = (await idp.manage('POST', '/api/v1/agents', { name: 'early', owner: 'Grace' })).body
  assert.deepEqual(await versionsStored(estate), { plain: 1 })
  await sql`DELETE FROM instances WHERE id = 'older'`.execute(estate.db)
  const { sealing } = await untilAllIsMoved(idp)
  assert.deepEqual(await versionsStored(estate), { [sealing]: 1 })
  assert.equal((await idp.manage('GET', `/api/v1/agents/${agentId}`)).body.owner, 'Grace')
})

test('What a restored database has encrypted by a key that was revoked since is read, and moves to another key', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate()
  t.after(() => estate.stop())
  const idp = await estate.instance()
  const { agentId } = (await idp.manage('POST', '/api/v1/agents', { name: 'one', owner: 'Grace' })).body
  const old = await activeId(idp)
  const keyring = estate.db.selectFrom('keyrings').select('document').where('name', '=', 'columns')
  const backup = (await keyring.executeTakeFirstOrThrow()).document as unknown as Keyring
  const row = await estate.db
    .selectFrom('agents')
    .select('owner')
    .where('agent_id', '=', agentId)
    .executeTakeFirstOrThrow()
  const revoked = await idp.manage('POST', '/api/v1/keyrings/columns/revoke', { id: old, reason: 'stolen' })
  assert.equal(revoked.status, 200)
  assert.equal(revoked.body.versions.find(({ id }: { id: string }) => id === old).state, 'revoked')

  // As a backup of before has it.
  const store = databaseKeyringStore(estate.db)
  const about = { action: 'keyring.created', actor: 'test', details: {} }
  await store.save(await store.load('columns'), { ...backup, versions: backup.versions }, about)
  await estate.db.updateTable('agents').set({ owner: row.owner }).where('agent_id', '=', agentId).execute()
  const shown = async () => (await idp.manage('GET', `/api/v1/agents/${agentId}`)).body.owner
  assert.equal(await shown(), 'Grace')
  await eventually(
    () => keyringOf(idp),
    ({ versions }) => versions.find(({ id }: { id: string }) => id === old)?.state === 'revoked',
  )
  assert.equal(await shown(), 'Grace')
  assert.notEqual(await activeId(idp), old)
})
