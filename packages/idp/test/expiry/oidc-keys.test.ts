/** The view by which signing keys are rotated in SQL, as AgentIdP's runbook does it. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Connection, connect, type DatabaseTables, databaseKeyringStore } from '@rekey/database'
import { changeKeyring, type Keyring, requestRotation } from '@rekey/keyring'
import { sql } from 'kysely'
import {
  agent,
  apiProcess,
  decodeUnverified,
  type Estate,
  eventually,
  startEstate,
  type TestInstance,
} from '../estate.ts'
import { onIncident, open } from '../incidents/setting.ts'

const statement = 'UPDATE oidc_keys SET active = false WHERE active = true;'
const names = ['signing-es256', 'signing-rs256']

describe('the view oidc_keys', { timeout: 120_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let other: TestInstance
  let owner: Connection<DatabaseTables>
  let service: Connection<DatabaseTables>
  before(async () => {
    estate = await startEstate({ REKEY_ISSUER: 'http://idp.example' })
    idp = await estate.instance()
    other = await estate.instance()
    owner = connect(estate.database.ownerUrl)
    service = connect(estate.database.serviceUrl)
  })
  after(async () => {
    await Promise.all([owner.close(), service.close()])
    await estate.stop()
  })

  const load = async (name: string) => (await databaseKeyringStore(owner.db).load(name)) ?? assert.fail(name)
  const activeOf = ({ versions }: Keyring) => versions.find(({ state }) => state === 'active')?.id
  const active = async () => Promise.all(names.map(async (name) => activeOf(await load(name))))
  const kidOf = async (instance: TestInstance) =>
    decodeUnverified((await instance.token(agent)).body.access_token).header.kid
  /** Until both keyrings have a version in reserve that every instance serves, and no rotation is under way. */
  const settled = () =>
    eventually(
      () => Promise.all(names.map(load)),
      (all) =>
        all.every(
          ({ rotation, versions }) =>
            !rotation &&
            versions.some(({ state, servedAt }) => state === 'prepared' && servedAt) &&
            versions.every(({ state, demotedAt }) => state !== 'retiring' || demotedAt),
        ),
    )

  /** A verifier that does not hear of the keys in reserve, and so keeps them there. */
  async function heldUp() {
    await settled()
    const slow = apiProcess(idp, { instance: 'slow' })
    await slow.catchUp()
    for (const name of names) {
      const id = (await load(name)).versions.find(({ state }) => state === 'prepared')?.id
      await idp.manage('POST', `/api/v1/keyrings/${name}/discard`, { id })
    }
    await settled()
    return { letGo: slow.goodbye }
  }

  for (const [who, by] of [
    ['the owner of the database', () => owner],
    ['the role of the service', () => service],
  ] as const) {
    test(`asks for a rotation of each signing keyring by ${who}, and no token fails meanwhile`, async () => {
      await settled()
      const before = await active()
      const old = (await idp.token(agent)).body.access_token
      const { rowCount } = await by().pool.query(statement)
      assert.equal(rowCount, 2)
      const failures: number[] = []
      let after = before
      while (after.some((id, i) => id === before[i])) {
        for (const instance of [idp, other]) {
          const { status } = await instance.token(agent)
          if (status !== 200) failures.push(status)
        }
        after = await active()
      }
      assert.deepEqual(failures, [])
      for (const instance of [idp, other])
        await eventually(
          () => kidOf(instance),
          (kid) => kid === after[0],
        )
      const { keys } = (await other.call('/.well-known/jwks.json')).body
      const kids = keys.map(({ kid }: { kid: string }) => kid)
      assert.ok(kids.includes(decodeUnverified(old).header.kid), 'the old key is there for the tokens that it signed')
    })
  }

  test('stands in the audit as every rotation does, with who asked', async () => {
    const events = await sql<{
      actor: string
      details: Record<string, unknown>
    }>`SELECT actor, details FROM audit_events
      WHERE action = 'keyring.rotation_requested' ORDER BY inserted`.execute(owner.db)
    const roles = events.rows.map(({ actor }) => actor)
    assert.equal(roles.length, 4)
    assert.match(roles[0] ?? '', /^database role \w/)
    assert.notEqual(roles[0], roles[2])
    // Which of the two comes first in the view is not said.
    const byOwner = events.rows.slice(0, 2).map(({ details }) => details)
    assert.deepEqual(byOwner.map(({ keyring }) => keyring).sort(), names)
    for (const details of byOwner) {
      assert.partialDeepStrictEqual(details, { reason: 'UPDATE oidc_keys', forced: false })
    }
  })

  test('leaves the very document that a request by the API leaves', async () => {
    await settled()
    const store = databaseKeyringStore(owner.db)
    const name = 'signing-es256'
    const before = await load(name)
    // Rolled back, so that the loop sees neither.
    const rollBack = new Error('enough seen')
    let bySql: Keyring | undefined
    await owner.db
      .transaction()
      .execute(async (transaction) => {
        await sql.raw(statement).execute(transaction)
        bySql = await databaseKeyringStore(transaction).load(name)
        throw rollBack
      })
      .catch((error) => assert.equal(error, rollBack))
    assert.ok(bySql?.rotation)
    const { by, reason, requestedAt } = bySql.rotation
    const expected = requestRotation(before, { by, reason: reason ?? '', forced: false }, requestedAt)
    assert.deepEqual({ ...bySql, revision: 0 }, { ...expected, revision: 0 })
    assert.ok(bySql.revision > before.revision)
    assert.ok(Math.abs(requestedAt - (await store.now())) < 60_000)
  })

  test('does nothing while a rotation is under way, and nothing to keys that are not active', async () => {
    const { letGo } = await heldUp()
    const store = databaseKeyringStore(owner.db)
    const about = { action: 'keyring.rotation_requested', actor: 'ops', details: {} }
    for (const name of names) {
      await changeKeyring(
        store,
        name,
        (keyring, now) => requestRotation(keyring, { by: 'ops', forced: false }, now),
        about,
      )
    }
    const before = await Promise.all(names.map(load))
    assert.equal((await owner.pool.query(statement)).rowCount, 0)
    assert.equal((await owner.pool.query('UPDATE oidc_keys SET active = false')).rowCount, 0)
    assert.deepEqual(
      (await Promise.all(names.map(load))).map(({ rotation }) => rotation),
      before.map(({ rotation }) => rotation),
    )
    await letGo()
    await settled()
    assert.equal((await owner.pool.query('UPDATE oidc_keys SET active = false WHERE NOT active')).rowCount, 0)
  })

  test('of many at once each keyring is rotated once, whoever else saves it at the same moment', async () => {
    const { letGo } = await heldUp()
    const before = await Promise.all(names.map(load))
    const store = databaseKeyringStore(service.db)
    const touch = (name: string) =>
      changeKeyring(store, name, (keyring) => ({ ...keyring }), {
        action: 'keyring.touched',
        actor: 'ops',
        details: {},
      })
    const asked = Array.from({ length: 6 }, (_, i) => (i % 2 ? owner : service).pool.query(statement))
    const touched = Array.from({ length: 12 }, (_, i) => touch(names[i % 2] ?? ''))
    const counts = (await Promise.all(asked)).map(({ rowCount }) => rowCount ?? 0)
    await Promise.all(touched)
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      2,
    )
    await letGo()
    await settled()
    const after = await Promise.all(names.map(load))
    for (const [i, keyring] of after.entries()) {
      const known = before[i]?.versions.length ?? 0
      assert.equal(keyring.versions.length, known + 1, 'one more in reserve, for the one that was taken')
    }
  })

  test('takes nothing else: which key is active is not for SQL to say', async () => {
    await settled()
    const before = await Promise.all(names.map(load))
    const refused: [string, RegExp][] = [
      [
        "INSERT INTO oidc_keys (kid, algorithm, active) VALUES ('mine', 'ES256', true)",
        /INSERT of oidc_keys is refused/,
      ],
      ['DELETE FROM oidc_keys', /DELETE of oidc_keys is refused/],
      ['UPDATE oidc_keys SET active = true', /nothing can be changed but active, from true to false/],
      ["UPDATE oidc_keys SET kid = 'mine' WHERE active", /nothing can be changed but active/],
      ['UPDATE oidc_keys SET active = false, expires_at = now() WHERE active', /nothing can be changed but active/],
      ['UPDATE oidc_keys SET active = NULL WHERE active', /nothing can be changed but active/],
      ['TRUNCATE oidc_keys', /is not a table/],
    ]
    for (const { pool } of [owner, service]) {
      for (const [text, message] of refused) await assert.rejects(pool.query(text), message, text)
    }
    assert.deepEqual(await Promise.all(names.map(load)), before)
  })

  test('is refused while an incident freezes administration, as rekey rotate is', async () => {
    await settled()
    await open(idp, 'INC-1')
    await onIncident(idp, 'INC-1').freeze()
    await assert.rejects(owner.pool.query(statement), /administration is frozen by an incident/)
    await onIncident(idp, 'INC-1').unfreeze()
    assert.equal((await owner.pool.query(statement)).rowCount, 2)
    await settled()
  })

  test('shows each key as the API does, and no private half', async () => {
    const { rows } = await owner.pool.query('SELECT * FROM oidc_keys ORDER BY keyring, created_at')
    assert.equal(JSON.stringify(rows).includes('sealed'), false)
    const keyrings = [...new Set(rows.map(({ keyring }) => keyring))]
    assert.deepEqual(keyrings.sort(), names, 'none by which columns are encrypted')
    for (const name of names) {
      const { versions } = await load(name)
      const shown = rows.filter((row) => row.keyring === name)
      assert.deepEqual(
        shown.map(({ kid, state, active: is }) => [kid, state, is]).sort(),
        versions.map(({ id, state }) => [id, state, state === 'active']).sort(),
      )
      const retiring = shown.find(({ state }) => state === 'retiring')
      const { policy } = await load(name)
      const demotedAt = versions.find(({ id }) => id === retiring?.kid)?.demotedAt ?? 0
      assert.equal(Number(retiring?.expires_at), demotedAt + policy.maxTokenTtlMs + policy.skewMs)
    }
  })
})
