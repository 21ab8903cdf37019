import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { checkPassword } from '../../src/accounts/check-password.ts'
import { ensureClients } from '../../src/index.ts'
import { type Estate, startEstate, type TestInstance } from '../estate.ts'

const first = { REKEY_ADMIN_USERNAME: 'Admin', REKEY_ADMIN_PASSWORD: 'the first password' }

describe('the first account', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance(first)
  })
  after(() => estate.stop())

  const logIn = (username: string, password: string) =>
    checkPassword(idp.idp.instance, { username, password, address: '192.0.2.1' })
  const accounts = () => estate.db.selectFrom('accounts').selectAll().execute()
  const setUp = (username: string, password: string) =>
    ensureClients(estate.database.ownerUrl, { agents: [], verifiers: [], accounts: [{ username, password }] })

  test('is there when the identity provider was started with it, and stands in the audit', async () => {
    assert.equal((await logIn('admin', first.REKEY_ADMIN_PASSWORD))?.organization_id, 'default')
    const event = await estate.db
      .selectFrom('audit_events')
      .select(['actor', 'details'])
      .where('action', '=', 'account.created')
      .executeTakeFirst()
    assert.deepEqual([event?.actor, event?.details.username], ['rekey setup', 'Admin'])
    assert.doesNotMatch(JSON.stringify(event), /first password/)
  })

  test('keeps the password and the status that somebody gave it since', async () => {
    const [account] = await accounts()
    const one = `/api/v1/accounts/${account?.account_id}`
    await idp.manage('PATCH', one, { password: 'the second password' })
    await idp.close()
    idp = await estate.instance(first)
    assert.equal(await logIn('admin', first.REKEY_ADMIN_PASSWORD), undefined)
    assert.ok(await logIn('admin', 'the second password'))
    await idp.manage('PATCH', one, { status: 'disabled' })
    await setUp('ADMIN', first.REKEY_ADMIN_PASSWORD)
    assert.equal(await logIn('admin', 'the second password'), undefined)
    assert.equal((await accounts()).length, 1)
  })

  test('is made once, by however many at once', async () => {
    await Promise.all([1, 2, 3, 4].map(() => setUp('second', 'some good password')))
    assert.equal((await accounts()).filter(({ username }) => username === 'second').length, 1)
    assert.ok(await logIn('second', 'some good password'))
  })
})
