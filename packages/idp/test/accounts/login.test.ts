import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ListedEvent } from '@rekey/database'
import { sql } from 'kysely'
import { findAccount } from '../../src/accounts/account.ts'
import { checkPassword } from '../../src/accounts/check-password.ts'
import { claimsOfAccount } from '../../src/accounts/claims.ts'
import { hashPassword } from '../../src/accounts/password/hash.ts'
import { mostAttempts, pruneLoginAttempts } from '../../src/accounts/throttle.ts'
import type { IdpError } from '../../src/error.ts'
import { stateAdapter } from '../../src/oidc/state/adapter.ts'
import { auditReader } from '../audit/reading.ts'
import { type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'

const password = 'correct horse battery'

describe('a login by password', { timeout: 300_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let other: TestInstance
  let bearer: string
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    other = await estate.instance({ REKEY_ISSUER: idp.url })
    bearer = await idp.management()
  })
  after(() => estate.stop())

  let made = 0
  async function create(more: object = {}): Promise<{ accountId: string; username: string }> {
    made += 1
    const asked = { username: `User-${made}`, password, ...more }
    return (await idp.manage('POST', '/api/v1/accounts', asked, bearer)).body
  }
  const change = (accountId: string, body: object) => idp.manage('PATCH', `/api/v1/accounts/${accountId}`, body, bearer)
  const logIn = (username: string, typed = password, address = '192.0.2.1', at = idp) =>
    checkPassword(at.idp.instance, { username, password: typed, address, clientId: 'shop' })
  const codeOf = (login: Promise<unknown>) =>
    login.then(
      (account) => (account ? 'in' : 'out'),
      (error: IdpError) => error.code,
    )
  const rowOf = (accountId: string) =>
    estate.db.selectFrom('accounts').selectAll().where('account_id', '=', accountId).executeTakeFirstOrThrow()
  const logins = async (outcome: string) => {
    const { body } = await idp.call('/metrics')
    return Number(new RegExp(`rekey_logins_total{outcome="${outcome}"} (\\d+)`).exec(body)?.[1] ?? 0)
  }

  test('takes whatever is typed, also what no database stores, and looks at a password each time', async () => {
    const { username } = await create()
    const before = await logins('failed')
    for (const [name, typed] of [
      ['a\0b', password],
      ['\ud800', '\udfff'],
      [username, 'a\0b'],
      [`${username}\0`, password],
      // Lower case makes a k of it.
      ['\u212a', password],
    ] as const) {
      assert.equal(await logIn(name, typed, '192.0.2.3'), undefined)
    }
    assert.equal(await logins('failed'), before + 5)
  })

  test('lets in by the right password, whatever the case of the username, and nobody else', async () => {
    const { accountId, username } = await create()
    const before = [await logins('succeeded'), await logins('failed')]
    assert.equal((await logIn(username.toLowerCase()))?.account_id, accountId)
    for (const wrong of ['', password.toUpperCase(), `${password} `]) {
      assert.equal(await logIn(username, wrong, '192.0.2.2'), undefined)
    }
    assert.equal(await logIn('nobody', password, '192.0.2.2'), undefined)
    assert.deepEqual([await logins('succeeded'), await logins('failed')], [(before[0] ?? 0) + 1, (before[1] ?? 0) + 4])
  })

  test('takes the same letters as the same password, however they were typed', async () => {
    const { username } = await create({ password: 'caf\u00e9 au lait, please' })
    assert.ok(await logIn(username, 'cafe\u0301 au lait, please'))
  })

  test('of somebody unknown takes as long as one with a wrong password', async () => {
    const { username } = await create()
    const timed = async (name: string, at: number) => {
      const began = performance.now()
      await logIn(name, 'wrong', `198.51.100.${at}`)
      return performance.now() - began
    }
    const ratios = []
    for (let at = 1; at <= 9; at += 1)
      ratios.push((await timed(`nobody-${at}`, at)) / (await timed(username, at + 100)))
    const median = ratios.toSorted((a, b) => a - b)[4] ?? 0
    assert.ok(median > 0.25 && median < 4, `${ratios}`)
  })

  test('lets nobody into a disabled account, until it is enabled', async () => {
    const { accountId, username } = await create()
    await change(accountId, { status: 'disabled' })
    assert.equal(await logIn(username), undefined)
    assert.equal(await findAccount(estate.db, accountId), undefined)
    await change(accountId, { status: 'active' })
    assert.ok(await logIn(username))
  })

  test('hashes anew what was hashed at less cost', async () => {
    const { accountId, username } = await create()
    const weak = await hashPassword(password, { memory: 64, passes: 1, parallelism: 1 })
    await estate.db.updateTable('accounts').set({ password_hash: weak }).where('account_id', '=', accountId).execute()
    assert.equal(await logIn(username, 'wrong'), undefined)
    assert.equal((await rowOf(accountId)).password_hash, weak)
    assert.ok(await logIn(username))
    const stored = (await rowOf(accountId)).password_hash
    assert.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    assert.ok(await logIn(username))
    assert.equal((await rowOf(accountId)).password_hash, stored)
  })

  test('is throttled for one account from one address, on every instance, also when all come at once', async () => {
    const { username } = await create()
    const address = '203.0.113.1'
    const tries = Array.from({ length: 12 }, (_, at) => codeOf(logIn(username, 'wrong', address, at % 2 ? idp : other)))
    const outcomes = await Promise.all(tries)
    assert.equal(outcomes.filter((outcome) => outcome === 'out').length, mostAttempts.pair)
    assert.equal(outcomes.filter((outcome) => outcome === 'RATE_LIMITED').length, 12 - mostAttempts.pair)
    assert.equal(await codeOf(logIn(username, password, address)), 'RATE_LIMITED')
    const refused = await logIn(username, password, address).catch((error: IdpError) => error)
    const { retryAfterSeconds } = (refused as IdpError).facts as { retryAfterSeconds: number }
    assert.ok(retryAfterSeconds >= 1 && retryAfterSeconds <= 60)
    assert.equal(await codeOf(logIn(username, password, '203.0.113.2', other)), 'in')
  })

  test('goes on a minute later', async () => {
    const { username } = await create()
    const address = '203.0.113.3'
    await countedAs(mostAttempts.pair - 1, () => logIn(username, 'wrong', address))
    assert.equal(await codeOf(logIn(username, 'wrong', address)), 'out')
    assert.equal(await codeOf(logIn(username, password, address)), 'RATE_LIMITED')
    await aMinuteLater()
    assert.equal(await codeOf(logIn(username, password, address)), 'in')
  })

  test('begins anew for the account when one is good', async () => {
    const { username } = await create()
    for (let round = 0; round < 3; round += 1) {
      for (let at = 1; at < mostAttempts.pair; at += 1) assert.equal(await codeOf(logIn(username, 'wrong')), 'out')
      assert.equal(await codeOf(logIn(username)), 'in')
    }
    await aMinuteLater()
  })

  test('is throttled for one address, whichever usernames it tries, and for its whole /64', async () => {
    await countedAs(mostAttempts.address - 1, () => logIn('guess-1', 'wrong', '2001:db8::1'))
    assert.equal(await codeOf(logIn('guess-2', 'wrong', '2001:db8::2')), 'out')
    assert.equal(await codeOf(logIn('guess', 'wrong', '2001:db8::ffff')), 'RATE_LIMITED')
    assert.equal(await codeOf(logIn('guess', 'wrong', '2001:db8:0:1::1')), 'out')
  })

  test('of many addresses shuts out whoever is new there, and not who logged in from his before', async () => {
    const { username } = await create()
    assert.ok(await logIn(username, password, '10.0.0.1'))
    await countedAs(mostAttempts.account - 1, () => logIn(username, 'wrong', '10.1.0.1'))
    assert.equal(await codeOf(logIn(username, 'wrong', '10.1.0.2')), 'out')
    assert.equal(await codeOf(logIn(username, password, '10.2.0.1')), 'RATE_LIMITED')
    assert.equal(await codeOf(logIn(username, password, '10.0.0.1')), 'in')
  })

  test('cannot be kept from an account by one address alone', async () => {
    const { username } = await create()
    await countedAs(mostAttempts.pair, () => logIn(username, 'wrong', '10.3.0.1'))
    for (let at = 0; at < mostAttempts.account; at += 1) {
      assert.equal(await codeOf(logIn(username, 'wrong', '10.3.0.1')), 'RATE_LIMITED')
    }
    assert.equal(await codeOf(logIn(username, password, '10.3.0.2')), 'in')
  })

  test('is not counted for ever', async () => {
    await codeOf(logIn('somebody', 'wrong', '10.4.0.1'))
    await aMinuteLater()
    await pruneLoginAttempts(estate.db)
    const left = await estate.db.selectFrom('login_attempts').select('succeeded_at').execute()
    assert.ok(left.length > 0, 'who logged in of late is known there')
    assert.ok(left.every(({ succeeded_at }) => succeeded_at !== null))
  })

  test('does not stand after the password was changed, or the account disabled', async () => {
    const { accountId } = await create()
    const before = Math.floor((await idp.idp.instance.store.now()) / 1_000) - 2
    assert.ok(await findAccount(estate.db, accountId, before + 3))
    await change(accountId, { password: 'another good password' })
    assert.equal(await findAccount(estate.db, accountId, before), undefined)
    assert.ok(await findAccount(estate.db, accountId, before + 10))
    assert.equal(await findAccount(estate.db, 'nobody'), undefined)
  })

  test('and what hangs on it ends with the account: what the provider keeps, and tokens at verifiers', async () => {
    for (const act of [{ password: 'another good password' }, { status: 'disabled' }]) {
      const { accountId } = await create()
      const { accountId: unconcerned } = await create()
      for (const account of [accountId, unconcerned]) await remember(account)
      const iat = Math.floor((await idp.idp.instance.store.now()) / 1_000) - 1
      const { status } = await change(accountId, act)
      assert.equal(status, 200)
      const kept = await estate.db
        .selectFrom('oidc_state')
        .select('account_id')
        .where('sealed', 'is not', null)
        .execute()
      assert.ok(kept.some(({ account_id }) => account_id === unconcerned))
      assert.ok(!kept.some(({ account_id }) => account_id === accountId))
      const issued = { iss: idp.url, client_id: 'shop', iat }
      for (const { idp: running } of [idp, other]) {
        assert.equal(running.instance.denies({ ...issued, sub: accountId }), true)
        assert.equal(running.instance.denies({ ...issued, sub: unconcerned }), false)
      }
    }
  })

  test('is ended once by one change of password and status, and stays denied unless that enabled the account', async () => {
    const { accountId } = await create()
    await remember(accountId)
    const denials = async () =>
      (await estate.db.selectFrom('audit_events').select('id').where('action', '=', 'denied.added').execute()).length
    const deniedSoon = async () => {
      const iat = Math.floor((await idp.idp.instance.store.now()) / 1_000) + 2
      return idp.idp.instance.denies({ iss: idp.url, sub: accountId, client_id: 'shop', iat })
    }
    for (const status of ['disabled', 'active'] as const) {
      const before = await denials()
      assert.equal((await change(accountId, { password: `another good one, ${status}`, status })).status, 200)
      assert.equal((await denials()) - before, 1, status)
      assert.equal(await deniedSoon(), status === 'disabled')
    }
    assert.equal(await stateAdapter(idp.idp.instance)('RefreshToken').find(`of ${accountId}`), undefined)
  })

  test('of an account that was enabled again is not denied from the next second on', async () => {
    const { accountId } = await create()
    await change(accountId, { status: 'disabled' })
    const iat = Math.floor((await idp.idp.instance.store.now()) / 1_000) + 4
    const claims = { iss: idp.url, sub: accountId, client_id: 'shop', iat }
    assert.equal(idp.idp.instance.denies(claims), true)
    await change(accountId, { status: 'active' })
    assert.equal(idp.idp.instance.denies(claims), false)
  })

  test('stands in the audit: each that was good, and of the others how many, and why', async () => {
    const { accountId, username } = await create()
    await logIn(username)
    for (let at = 0; at < 2; at += 1) await logIn(username, 'wrong', '10.5.0.1')
    await logIn('typo-in-the-password', 'wrong', '10.5.0.2')
    await idp.idp.instance.gathered.flush()
    const audit = await auditReader(idp)
    const [good] = await audit.until({ action: 'login.succeeded', actor: accountId })
    assert.deepEqual([good?.details, good?.organizationId], [{ client: 'shop', address: '192.0.2.1' }, 'default'])
    // Those between which a gathering ended stand in two events.
    const counted = (events: ListedEvent[]) => events.reduce((sum, { details }) => sum + Number(details.count), 0)
    const wrong = await eventually(
      () => audit.all({ action: 'login.failed', actor: accountId }),
      (events) => counted(events) >= 2,
    )
    assert.equal(counted(wrong), 2)
    assert.ok(wrong.every(({ details }) => details.cause === 'password_wrong'))
    await eventually(
      () => audit.all({ action: 'login.failed', actor: 'unknown' }),
      (events) => events.some(({ details }) => details.cause === 'account_unknown' && details.address === '10.5.0.2'),
    )
    assert.doesNotMatch(JSON.stringify(await audit.all()), /typo-in-the-password/)
  })

  test('gives claims by the scopes that were granted', async () => {
    const said = { name: 'Ann', email: 'ann@example.com', emailVerified: true, roles: ['ops'] }
    const { accountId, username } = await create(said)
    const account = await findAccount(estate.db, accountId)
    assert.ok(account)
    assert.deepEqual(claimsOfAccount(account, ['openid']), { sub: accountId })
    assert.deepEqual(claimsOfAccount(account, ['email', 'roles', 'reports:read']), {
      sub: accountId,
      email: 'ann@example.com',
      email_verified: true,
      roles: ['ops'],
    })
    const { updated_at, ...profile } = claimsOfAccount(account, ['profile'])
    assert.deepEqual(profile, { sub: accountId, name: 'Ann', preferred_username: username })
    assert.equal(updated_at, Math.floor(account.changed_at / 1_000))
  })

  /** Makes an attempt, and counts it as so many: each of them would be hashed, and a busy machine takes more than a minute for sixty. */
  const countedAs = async (count: number, attempt: () => Promise<unknown>) => {
    await estate.db.updateTable('login_attempts').set({ count: 0 }).execute()
    await attempt()
    await estate.db
      .updateTable('login_attempts')
      .set({ count, since: sql`clock_timestamp()` })
      .where('count', '>', 0)
      .execute()
  }

  const aMinuteLater = () =>
    estate.db
      .updateTable('login_attempts')
      .set({ since: new Date(0) })
      .execute()

  const remember = (accountId: string) =>
    stateAdapter(idp.idp.instance)('RefreshToken').upsert(`of ${accountId}`, { accountId, kind: 'RefreshToken' }, 600)
})
