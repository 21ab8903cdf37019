import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { databaseNow } from '@rekey/database'
import { oidcSessions } from '../../../src/incidents/remedies/sessions/oidc-sessions.ts'
import { endOidcState, type Whose } from '../../../src/oidc/state/end.ts'
import { sha256 } from '../../../src/sha256.ts'
import { type Estate, startEstate } from '../../estate.ts'
import { waitedFor } from '../../waited-for.ts'
import { day, left, login, stateOf } from './setting.ts'

const all = ['Session', 'Grant', 'AuthorizationCode', 'RefreshToken', 'AccessToken']

describe('the end of sessions of users', { timeout: 180_000 }, () => {
  let estate: Estate
  let of: ReturnType<typeof stateOf>['of']
  before(async () => {
    estate = await startEstate()
    of = stateOf(estate).of
  })
  after(() => estate.stop())

  const end = (whose: Whose, before?: number) =>
    estate.db.transaction().execute((transaction) => endOidcState(transaction, whose, before))
  const now = () => databaseNow(estate.db)
  /** As if it had been there an hour ago already. */
  const date = (model: string, id: string) =>
    estate.db
      .updateTable('oidc_state')
      .set({ issued_at: new Date(Date.now() - 3_600_000) })
      .where('model', '=', model)
      .where('id_hash', '=', sha256(id))
      .execute()
  const anHalfAgo = async () => (await now()) - 1_800_000

  test('takes all that a user has, and nothing of another', async () => {
    const [one, other] = [await login(of, 'one'), await login(of, 'other')]
    await of('Interaction').upsert('under-way', { result: { login: { accountId: one.accountId } } } as never, day)
    assert.equal(await end({ accountId: one.accountId }), 6)
    assert.deepEqual(await left(of, one), [])
    assert.equal(await of('Interaction').find('under-way'), undefined)
    assert.deepEqual(await left(of, other), all)
    assert.equal(await end({ accountId: one.accountId }), 0, 'once more')
  })

  test('takes one session by what its tokens call it, for all its clients, and no other session of the user', async () => {
    const accountId = 'account-two'
    const [one, other] = [await login(of, 'two-1', { accountId }), await login(of, 'two-2', { accountId })]
    const given = { accountId, clientId: 'client-2', grantId: 'second-grant', sessionUid: one.uid, sid: 'second-sid' }
    await of('Grant').upsert('second-grant', { accountId, clientId: 'client-2' }, day)
    await of('RefreshToken').upsert('second-refresh', given, day)
    assert.equal(await end({ sid: one.sid }), 7)
    assert.deepEqual(await left(of, one), [])
    assert.equal(await of('RefreshToken').find('second-refresh'), undefined)
    assert.deepEqual(await left(of, other), all)
  })

  test('takes what outlived its session too', async () => {
    const one = await login(of, 'offline')
    await of('Session').destroy(one.session)
    assert.equal(await end({ sid: one.sid }), 4)
    assert.deepEqual(await left(of, one), [])
  })

  test('takes what a client was given, and lets its users stay logged in', async () => {
    const [one, other] = [await login(of, 'c-1', { clientId: 'client-x' }), await login(of, 'c-2')]
    await end({ clientId: 'client-x' })
    assert.deepEqual(await left(of, one), ['Session'])
    assert.deepEqual(await left(of, other), all)
  })

  test('spares who logged in after the moment that is meant, and nothing that hangs on what began before it', async () => {
    const [old, fresh] = [await login(of, 'old'), await login(of, 'fresh')]
    await date('Session', old.session)
    await end({ all: true }, await anHalfAgo())
    assert.deepEqual(await left(of, old), [], 'tokens renewed a moment ago in a session that is older')
    assert.deepEqual(await left(of, fresh), all)
    await date('Grant', fresh.grant)
    await end({ clientId: 'client-1' }, await anHalfAgo())
    assert.deepEqual(await left(of, fresh), ['Session'], 'by its grant')
  })

  test('dates a session from its login, whatever became of its id since', async () => {
    const loginTs = Math.floor((await now()) / 1_000) - 3_600
    const uid = 'uid-dated'
    const save = (id: string, more: object = {}) => of('Session').upsert(id, { uid, accountId: 'dated', ...more }, day)
    await save('dated-1', { loginTs })
    await end({ accountId: 'dated' }, loginTs * 1_000)
    assert.ok(await of('Session').find('dated-1'), 'it began then')
    await of('Session').destroy('dated-1')
    await save('dated-2', { loginTs: loginTs + 3_000_000 })
    // It is read in whole milliseconds.
    await end({ accountId: 'dated' }, (await now()) + 1)
    assert.equal(await of('Session').find('dated-2'), undefined, 'an instance whose clock is ahead')
    const again = { uid: 'again', accountId: 'again' }
    await of('Session').upsert('again', { ...again, loginTs }, day)
    await of('Session').upsert('again', { ...again, loginTs: loginTs + 3_000 }, day)
    await end({ accountId: 'again' }, await anHalfAgo())
    assert.ok(await of('Session').find('again'), 'its user logged in once more')
  })

  test('leaves nothing that a request under way could bring back or add to', async () => {
    const one = await login(of, 'racing')
    const session = await of('Session').find(one.session)
    await end({ accountId: one.accountId })
    await of('Session').upsert(one.session, session as never, day)
    await of('Session').upsert('racing-2', { ...session, jti: 'racing-2' }, day)
    assert.equal(await of('Session').findByUid(one.uid), undefined)
    const refused = { error: 'invalid_grant' }
    await assert.rejects(async () => one.save('AuthorizationCode', 'racing-code'), refused)
    await assert.rejects(
      async () => of('Interaction').upsert('r', { session: { uid: one.uid } } as never, day),
      refused,
    )
  })

  test('waits in an incident for whoever is saving a token, and finds it', async () => {
    const one = await login(of, 'saving')
    const selected = { selector: { sub: one.accountId }, issuedBefore: await now() }
    let ending: Promise<number | null> | undefined
    await estate.db.transaction().execute(async (saving) => {
      await stateOf({ ...estate, db: saving } as never)
        .of('RefreshToken')
        .upsert('late', { ...one.given }, day)
      ending = estate.db
        .transaction()
        .execute((transaction) => oidcSessions.end(transaction, selected, { tokenHash: Buffer.alloc(0) }))
      await waitedFor(saving)
    })
    assert.equal(await ending, 6)
    assert.equal(await of('RefreshToken').find('late'), undefined)
  })
})
