import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sql } from 'kysely'
import { credentialUses, pruneKeyUses } from '../../src/credentials/uses.ts'
import { basic } from '../estate.ts'
import { settingOf, type TestCredential } from './setting.ts'

describe('uses of a credential', { timeout: 60_000 }, () => {
  const setting = settingOf(2, { REKEY_TRUSTED_PROXIES: '127.0.0.0/8,::1' })
  const { credential, rotate, detail } = setting

  async function use(of: TestCredential, address: string, number = 0): Promise<number> {
    const headers = { authorization: basic(of), 'x-forwarded-for': address }
    const body = new URLSearchParams({ grant_type: 'client_credentials' })
    return (await setting.idp(number).call('/api/v1/token', { method: 'POST', headers, body })).status
  }
  const flush = () => Promise.all([0, 1].map((number) => setting.idp(number).idp.instance.uses.flush()))

  test('are told by version and source address, over all instances', async () => {
    const began = Date.now() - 2_000
    const old = await credential()
    await use(old, '192.0.2.1')
    await use(old, '192.0.2.2', 1)
    const { body } = await rotate(old, { overlap: '1h' })
    await use(old, '192.0.2.1', 1)
    await use(body, '2001:db8::1')
    await flush()
    const [first, second] = (await detail(old)).versions
    assert.equal(first.seen.count, 3)
    const counts = first.seen.addresses.map(({ address, count }: { address: string; count: number }) => [
      address,
      count,
    ])
    assert.deepEqual(counts.toSorted(), [
      ['192.0.2.1', 2],
      ['192.0.2.2', 1],
    ])
    assert.deepEqual([second.seen.count, second.seen.addresses[0].address], [1, '2001:db8::1'])
    assert.ok(Date.parse(first.seen.firstAt) > began && first.seen.firstAt <= first.seen.lastAt)
  })

  test('that are not known are said to be not seen, and since when', async () => {
    const old = await credential()
    const shown = await detail(old)
    assert.equal(shown.versions[0].seen, 'not seen')
    assert.equal(shown.recordedSince, shown.createdAt)
    assert.doesNotMatch(JSON.stringify(shown), /unused|never/)
    const { db } = setting.estate()
    const createdAt = new Date('2020-01-01T00:00:00Z')
    await db
      .updateTable('credentials')
      .set({ created_at: createdAt } as object)
      .where('credential_id', '=', old.credentialId)
      .execute()
    const older = await detail(old)
    assert.ok(older.recordedSince > older.createdAt, 'it is older than the recording of uses')
  })

  test('are not noted of a secret that was wrong', async () => {
    const old = await credential()
    assert.equal(await use({ ...old, clientSecret: `sk_live_${'0'.repeat(64)}` }, '192.0.2.3'), 401)
    await flush()
    assert.equal((await detail(old)).versions[0].seen, 'not seen')
  })

  test('from countless addresses are gathered', async () => {
    const uses = credentialUses(setting.estate().db, (error) => assert.fail(String(error)), 3_600_000)
    const { credentialId } = await credential()
    const held = { credentialId, version: 'v1' }
    for (let n = 0; n < 150; n += 1) uses.note(held, `10.0.0.${n}`)
    await uses.flush()
    for (let n = 150; n < 160; n += 1) uses.note(held, `10.0.0.${n}`)
    uses.note(held, '10.0.0.1')
    await uses.close()
    const rows = await setting
      .estate()
      .db.selectFrom('credential_uses')
      .select(['address', 'count'])
      .where('credential_id', '=', credentialId)
      .execute()
    const counts = new Map(rows.map(({ address, count }) => [address, count]))
    assert.equal(rows.length, 101)
    assert.deepEqual([counts.get('10.0.0.1'), counts.get('others')], [2, 60])
  })

  test('from what is no address are told together, and keep nobody else’s from being written', async () => {
    const [strange, usual] = [await credential(), await credential()]
    const written = ['x'.repeat(10_000), `fe80::1%${'x'.repeat(10_000)}`, 'unknown', '192.0.2.1']
    for (const address of written) assert.equal(await use(strange, address), 200)
    await use(usual, '192.0.2.4')
    await flush()
    const addresses = (await detail(strange)).versions[0].seen.addresses as { address: string; count: number }[]
    assert.deepEqual(addresses.map(({ address, count }) => [address, count]).toSorted(), [
      ['192.0.2.1', 1],
      ['others', 3],
    ])
    assert.equal((await detail(usual)).versions[0].seen.count, 1)
  })

  test('that the database never takes are dropped and told, and the others are written', async () => {
    const errors: unknown[] = []
    const uses = credentialUses(setting.estate().db, (error) => errors.push(error), 3_600_000)
    const { credentialId } = await credential()
    for (let n = 0; n < 5; n += 1) uses.note({ credentialId, version: `v${n}` }, '192.0.2.1')
    uses.note({ credentialId, version: 'a zero \u0000' }, '192.0.2.1')
    await uses.flush()
    const written = await setting
      .estate()
      .db.selectFrom('credential_uses')
      .select('count')
      .where('credential_id', '=', credentialId)
      .execute()
    assert.deepEqual([written.map(({ count }) => count), errors.length], [[1, 1, 1, 1, 1], 1])
    await uses.flush()
    assert.equal(errors.length, 1, 'and not tried again')
    await uses.close()
  })

  test('that could not be written are written the next time', async () => {
    const { database, db } = setting.estate()
    const errors: unknown[] = []
    const { connect } = await import('@rekey/database')
    const connection = connect<never>(database.serviceUrl, { max: 1 })
    const uses = credentialUses(connection.db as never, (error) => errors.push(error), 3_600_000)
    const { credentialId } = await credential()
    const held = { credentialId, version: 'v1' }
    uses.note(held, '192.0.2.9')
    await database.reachable(false)
    await assert.rejects(uses.flush())
    await database.reachable(true)
    uses.note({ ...held }, '192.0.2.9')
    await uses.close()
    await connection.close()
    const row = await db
      .selectFrom('credential_uses')
      .select('count')
      .where('credential_id', '=', credentialId)
      .executeTakeFirst()
    assert.deepEqual([row?.count, errors], [2, []])
  })

  test('of a key that a client registered are forgotten after a week without one, those of a credential are not', async () => {
    const { db } = setting.estate()
    const credentialId = 'of-a-credential'
    const row = (id: string, days: number) => {
      const at = sql`now() - ${days} * interval '1 day'` as never
      return { credential_id: id, version: 'v', address: '192.0.2.1', first_at: at, last_at: at, count: 1 }
    }
    const rows = [row('jwks:old', 8), row('jwks:new', 6), row(credentialId, 400)]
    await db.insertInto('credential_uses').values(rows).execute()
    await pruneKeyUses(db)
    const held = await db.selectFrom('credential_uses').select('credential_id').where('version', '=', 'v').execute()
    assert.deepEqual(held.map(({ credential_id }) => credential_id).sort(), [credentialId, 'jwks:new'].sort())
  })
})
