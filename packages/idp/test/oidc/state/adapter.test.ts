import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { connect } from '@rekey/database'
import { sql } from 'kysely'
import { stateAdapter } from '../../../src/oidc/state/adapter.ts'
import { pruneOidcState } from '../../../src/oidc/state/prune.ts'
import { sha256 } from '../../../src/sha256.ts'
import type { IdpTables } from '../../../src/tables.ts'
import { type Estate, startEstate } from '../../estate.ts'
import { day, left, login, stateOf } from './setting.ts'

describe('the state of the OpenID provider', { timeout: 60_000 }, () => {
  let estate: Estate
  let here: ReturnType<typeof stateOf>
  let there: ReturnType<typeof stateOf>
  before(async () => {
    estate = await startEstate()
    here = stateOf(estate)
    there = stateOf(estate)
  })
  after(() => estate.stop())

  const row = (model: string, id: string) =>
    estate.db
      .selectFrom('oidc_state')
      .selectAll()
      .where('model', '=', model)
      .where('id_hash', '=', sha256(id))
      .executeTakeFirst()

  test('is found by every instance, by what it is called by, and not after its end', async () => {
    const one = await login(here.of, 'found')
    assert.equal((await there.of('Session').find(one.session))?.accountId, one.accountId)
    assert.equal((await there.of('Session').findByUid(one.uid))?.jti, one.session)
    assert.equal(await there.of('Grant').find(one.session), undefined, 'another model')
    assert.equal(await there.of('Session').find(undefined as never), undefined)
    await here.of('AccessToken').upsert('short', { jti: 'short' }, 0)
    assert.equal(await here.of('AccessToken').find('short'), undefined)
    assert.ok(await row('AccessToken', 'short'))
    await pruneOidcState(estate.db)
    assert.equal(await row('AccessToken', 'short'), undefined)
  })

  test('holds nothing that somebody who reads the table could use', async () => {
    const one = await login(here.of, 'secret')
    const rows = await sql<{ text: string }>`SELECT held::text AS text FROM oidc_state AS held`.execute(estate.db)
    const text = rows.rows.map((each) => each.text).join()
    for (const secret of [one.session, one.uid, one.grant, one.code, one.refresh, one.access]) {
      assert.equal(text.includes(secret), false)
    }
    for (const [model, id] of [
      ['RefreshToken', one.refresh],
      ['AuthorizationCode', one.code],
      ['AccessToken', one.access],
    ] as const) {
      const sealed = (await row(model, id))?.sealed ?? ''
      const opened = here.sealer.open(`oidc/${model}/${sha256(id).toString('hex')}`, sealed).toString()
      assert.equal(opened.includes(id), false, 'nor could somebody who has the root key as well')
      assert.equal((await there.of(model).find(id))?.jti, id)
    }
  })

  test('does not open where somebody changed it, or moved it to another row', async () => {
    const [mine, yours] = [await login(here.of, 'mine'), await login(here.of, 'yours')]
    const of = (id: string) => ({ model: 'RefreshToken', id_hash: sha256(id) })
    const stored = (await row('RefreshToken', yours.refresh))?.sealed as string
    const set = (sealed: string) =>
      estate.db
        .updateTable('oidc_state')
        .set({ sealed })
        .where('model', '=', 'RefreshToken')
        .where('id_hash', '=', of(mine.refresh).id_hash)
        .execute()
    for (const sealed of [stored, `${stored.slice(0, -2)}AA`]) {
      await set(sealed)
      await assert.rejects(async () => here.of('RefreshToken').find(mine.refresh), { code: 'SEAL_DAMAGED' })
    }
    // The same id under another model is another record too.
    await here.of('AccessToken').upsert(mine.refresh, { jti: mine.refresh }, day)
    await set((await row('AccessToken', mine.refresh))?.sealed as string)
    await assert.rejects(async () => here.of('RefreshToken').find(mine.refresh), { code: 'SEAL_DAMAGED' })
  })

  test('lets a code or token be used once, whoever is first, and ends the grant when there is a second', async () => {
    for (const [model, part] of [
      ['AuthorizationCode', 'code'],
      ['RefreshToken', 'refresh'],
    ] as const) {
      const one = await login(here.of, `twice-${model}`)
      const other = await login(here.of, `other-${model}`)
      const uses = [here, there, here, there].map(({ of }) => of(model).consume(one[part]))
      const outcomes = await Promise.allSettled(uses)
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
      for (const each of outcomes) {
        if (each.status === 'rejected') assert.equal(each.reason.error, 'invalid_grant')
      }
      assert.deepEqual(await left(here.of, one), ['Session'])
      await assert.rejects(async () => one.save('AccessToken', 'later'), { error: 'invalid_grant' }, 'to the winner')
      assert.equal((await left(here.of, other)).length, 5)
    }
  })

  test('ends the grant by a token that nobody used yet, where another one of its line went on meanwhile', async () => {
    const { of } = stateOf(estate, undefined, 60_000)
    const one = await login(of, 'line')
    const save = (id: string, rotations: number) =>
      of('RefreshToken').upsert(id, { jti: id, kind: 'RefreshToken', ...one.given, rotations }, day)
    for (const id of ['line-kept', 'line-stolen']) await save(id, 1)
    await save('line-next', 2)
    await estate.db
      .updateTable('oidc_state')
      .set({ line: sha256(one.refresh) })
      .where('model', '=', 'RefreshToken')
      .where('grant_hash', '=', sha256(one.grant))
      .execute()
    assert.equal((await of('RefreshToken').find('line-stolen'))?.consumed, undefined)
    for (const id of [one.refresh, 'line-kept', 'line-next']) await of('RefreshToken').consume(id)
    await assert.rejects(async () => of('RefreshToken').consume('line-stolen'), { error: 'invalid_grant' })
    assert.deepEqual(await left(of, one), ['Session'])
  })

  test('says that it was used, and when', async () => {
    const one = await login(here.of, 'used')
    assert.equal((await here.of('RefreshToken').find(one.refresh))?.consumed, undefined)
    await here.of('RefreshToken').consume(one.refresh)
    assert.ok(Math.abs((await there.of('RefreshToken').find(one.refresh))?.consumed - Date.now() / 1_000) < 60)
  })

  test('lets a pushed request be used once', async () => {
    await here.of('PushedAuthorizationRequest').upsert('par', { jti: 'par', request: 'x' }, 60)
    const uses = [here, there].map(({ of }) => of('PushedAuthorizationRequest').consume('par'))
    const refused = (await Promise.allSettled(uses)).filter((each) => each.status === 'rejected')
    assert.deepEqual(
      refused.map(({ reason }) => reason.error),
      ['invalid_request_uri'],
    )
  })

  test('does not use up what has ended or is not there', async () => {
    const one = await login(here.of, 'gone')
    await here.of('AuthorizationCode').destroy(one.code)
    for (const code of [one.code, 'never there']) {
      await assert.rejects(async () => here.of('AuthorizationCode').consume(code), { error: 'invalid_grant' })
    }
    assert.equal((await left(here.of, one)).length, 4, 'nobody was robbed')
  })

  test('forgets what was given under a grant, of one model, and no other grant', async () => {
    const [one, other] = [await login(here.of, 'revoked'), await login(here.of, 'kept')]
    await here.of('RefreshToken').revokeByGrantId(one.grant)
    assert.deepEqual(await left(here.of, one), ['Session', 'Grant', 'AuthorizationCode', 'AccessToken'])
    assert.equal((await left(here.of, other)).length, 5)
    await here.of('AccessToken').destroy(one.access)
    await one.save('AccessToken', 'another')
    assert.ok(await here.of('AccessToken').find('another'), 'the grant goes on')
  })

  test('is not brought back by whoever read it before it ended', async () => {
    const one = await login(here.of, 'raced')
    const session = await there.of('Session').find(one.session)
    await here.of('Session').destroy(one.session)
    await there.of('Session').upsert(one.session, session as never, day)
    assert.equal(await here.of('Session').find(one.session), undefined)
    // It went over to another id, as the provider does at each login.
    await here.of('Session').upsert('session-raced-2', { ...session, jti: 'session-raced-2' }, day)
    assert.equal((await there.of('Session').findByUid(one.uid))?.jti, 'session-raced-2')
    const grant = await there.of('Grant').find(one.grant)
    await here.of('Grant').destroy(one.grant)
    await assert.rejects(async () => there.of('Grant').upsert(one.grant, grant as never, day), {
      error: 'invalid_grant',
    })
    await assert.rejects(async () => one.save('RefreshToken', 'raced-2'), { error: 'invalid_grant' })
  })

  test('keeps what a later save says, and for as long as that says', async () => {
    const of = here.of('Interaction')
    await of.upsert('interaction', { jti: 'interaction', prompt: 'login' } as never, day)
    const first = await row('Interaction', 'interaction')
    const result = { login: { accountId: 'account-late' } }
    await of.upsert('interaction', { jti: 'interaction', result } as never, 10)
    const second = await row('Interaction', 'interaction')
    assert.deepEqual((await of.find('interaction'))?.result, result)
    assert.equal(second?.account_id, 'account-late')
    assert.equal(second?.issued_at, first?.issued_at)
    assert.ok((second?.expires_at ?? 0) < (first?.expires_at ?? 0))
  })

  test('fails as the database does, and not as if there were nothing', async () => {
    const away = connect<IdpTables>('postgres://nobody:x@127.0.0.1:1/none', { max: 1 })
    try {
      const of = stateAdapter({ connection: away, sealer: here.sealer, requireRoom() {} } as never)
      const unreachable = { name: 'DatabaseError', code: 'UNREACHABLE' }
      await assert.rejects(async () => of('Session').find('x'), unreachable)
      await assert.rejects(async () => of('Session').upsert('x', {}, 1), unreachable)
      await assert.rejects(async () => of('RefreshToken').consume('x'), unreachable)
      await assert.rejects(async () => of('RefreshToken').revokeByGrantId('x'), unreachable)
    } finally {
      await away.close()
    }
  })
})
