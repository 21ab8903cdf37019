import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { addRootKey, rootKeyIds } from '@rekey/database'
import { sql } from 'kysely'
import { sealAllAnew } from '../../src/root-keys/seal-anew.ts'
import { agent, eventually } from '../estate.ts'
import { oldKey, onlyNewest, rootKeys, sealingAfter, startKeyedEstate } from './setting.ts'

const keyring = 'signing-es256'

describe('a root key', { timeout: 180_000 }, () => {
  let setting: Awaited<ReturnType<typeof startKeyedEstate>>
  beforeEach(async () => {
    setting = await startKeyedEstate()
  })
  afterEach(() => setting.stop())

  test('that is new seals once every live instance holds it; what the old one sealed stays good', async () => {
    const { start, write, seals } = setting
    const [one, two] = await Promise.all([start('one', oldKey), start('two', oldKey)])
    // Two keys in each of two keyrings; and the audit.
    const [first] = await eventually(
      () => rootKeys(one),
      ([key]) => key?.sealed === 7,
    )
    const oldId = first?.id ?? ''
    assert.deepEqual(first, { id: oldId, sealing: true, heldByAll: true, sealed: 7, keys: 6 })

    const both = addRootKey(oldKey)
    await write('one', both)
    const [newest, older] = await eventually(
      () => rootKeys(one),
      (found) => found.length === 2,
    )
    const newId = newest?.id ?? ''
    assert.deepEqual(newest, { id: newId, sealing: false, heldByAll: false, sealed: 0, keys: 0 })
    assert.equal(older?.id, oldId)
    await one.manage('POST', `/api/v1/keyrings/${keyring}/prepare`)
    const ids = (await seals(keyring)).map(([, id]) => id)
    assert.deepEqual(ids, [oldId, oldId, oldId], 'the other instance could not open it')

    await write('two', both)
    for (const idp of [one, two]) assert.equal(await sealingAfter(idp, oldId), newId)
    await two.manage('POST', `/api/v1/keyrings/${keyring}/prepare`)
    assert.deepEqual((await seals(keyring)).at(-1), ['prepared', newId])
    for (const idp of [one, two]) assert.equal((await idp.token(agent)).status, 200)
    const told = [...one.lines, ...two.lines].join('')
    for (const key of both.trim().split('\n')) assert.equal(told.includes(key), false)
  })

  test('is not taken from a file that holds none, which is told of once', async () => {
    const { start, write } = setting
    const idp = await start('one', oldKey)
    const before = (await rootKeys(idp)).map(({ id }) => id)
    await write('one', 'not a key')
    const told = () => idp.lines.filter((line) => line.includes('ROOT_KEY_INVALID'))
    await eventually(
      async () => told().length,
      (count) => count > 0,
    )
    assert.deepEqual(
      (await rootKeys(idp)).map(({ id }) => id),
      before,
    )
    assert.equal((await idp.token(agent)).status, 200)
    await write('one', addRootKey(oldKey))
    await eventually(
      () => rootKeys(idp),
      (found) => found.length === 2,
    )
    assert.equal(told().length, 1)
    assert.equal(idp.lines.join('').includes('not a key'), false)
  })

  test('that left the file is held on to while it is needed, and no longer', async () => {
    const { start, write, read, seals, estate } = setting
    const idp = await start('one', oldKey)
    const [first] = await rootKeys(idp)
    await write('one', addRootKey(await read('one')))
    const newId = await sealingAfter(idp, first?.id ?? '')
    await write('one', onlyNewest(await read('one')))
    await write('two', await read('one'))
    const told = () => idp.lines.filter((line) => line.includes('still needed'))
    await eventually(
      async () => told().length,
      (count) => count > 0,
    )
    assert.deepEqual(
      (await rootKeys(idp)).map(({ id }) => id),
      [newId, first?.id],
    )
    assert.equal((await idp.token(agent)).status, 200)
    // What is kept for long is sealed anew: the keys of encrypted columns, within a minute.
    await sealAllAnew(estate.db, idp.idp.instance.sealer, newId)
    assert.deepEqual(await seals('columns'), [
      ['active', newId],
      ['prepared', newId],
    ])
    const signs = estate.db.selectFrom('keyrings').select('name as id').where('kind', '=', 'signing-key')
    for (const { id } of await signs.execute()) {
      const path = `/api/v1/keyrings/${id}`
      const { body } = await idp.manage('GET', path)
      // The standby, then the active one: both are replaced by what is made now.
      for (const version of body.versions.toReversed()) {
        await idp.manage('POST', `${path}/revoke`, { id: version.id, reason: 'superseded' })
      }
    }
    const left = await eventually(
      () => rootKeys(idp),
      (found) => found.length === 1,
    )
    assert.deepEqual([left[0]?.id, left[0]?.sealing], [newId, true])
    await idp.close()
    assert.equal((await (await start('two', await read('two'))).token(agent)).status, 200)
  })

  test('that is wrong is not written down at the first start of a release that does so: the right one starts after it', async () => {
    const { start, estate } = setting
    await (await start('one', oldKey)).close()
    // As the release before left it.
    await sql`TRUNCATE root_keys`.execute(estate.db)
    const wrong = addRootKey(oldKey).split('\n')[0] ?? ''
    await assert.rejects(start('two', wrong), { code: 'ROOT_KEY_MISMATCH' })
    assert.deepEqual(await estate.db.selectFrom('root_keys').select('id').execute(), [])
    const idp = await start('three', `${wrong}\n${oldKey}`)
    assert.equal((await idp.token(agent)).status, 200)
    const { rows } = await sql<{ id: string }>`SELECT id FROM root_keys ORDER BY n`.execute(estate.db)
    const [sealed] = await setting.seals(keyring)
    assert.equal(rows[0]?.id, sealed?.[1], 'first the one that everything is sealed under')
  })

  test('that an instance lacks while others seal under it costs its lease, until it is given that root key', async () => {
    const { start, write, estate } = setting
    const idp = await start('one', oldKey)
    const both = addRootKey(oldKey)
    const [id = ''] = rootKeyIds(both)
    // As if it had stood still for longer than its lease, when nobody waits for it.
    await estate.db.insertInto('root_keys').values({ id }).execute()
    const told = (what: RegExp) =>
      eventually(
        async () => idp.lines.filter((line) => what.test(line)).length,
        (count) => count > 0,
      )
    await eventually(
      async () => (await idp.token(agent)).status,
      (status) => status === 503,
    )
    await told(new RegExp(`sealed under root key ${id}.*give it the root keys`))
    await told(/ROOT_KEY_MISMATCH/)
    await write('one', both)
    await eventually(
      async () => (await idp.token(agent)).status,
      (status) => status === 200,
    )
    await told(new RegExp(`"rootKeyIds":\\["${id}"`))
    await told(new RegExp(`"rootKeyId":"${id}"`))
  })

  test('of before does not come back: an instance with a forgotten copy of the old file does not start', async () => {
    const { start, write } = setting
    const idp = await start('one', oldKey)
    const [first] = await rootKeys(idp)
    await write('one', addRootKey(oldKey))
    const newId = await sealingAfter(idp, first?.id ?? '')
    await write('one', oldKey)
    const told = () => idp.lines.filter((line) => line.includes('still needed'))
    await eventually(
      async () => told().length,
      (count) => count > 0,
    )
    assert.equal((await rootKeys(idp)).find(({ sealing }) => sealing)?.id, newId, 'not by the old file either')
    await assert.rejects(start('two', oldKey), { code: 'ROOT_KEY_MISMATCH', message: /give the root key of this/ })
  })
})
