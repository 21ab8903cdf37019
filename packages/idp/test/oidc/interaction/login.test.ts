import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import { mostAttempts } from '../../../src/accounts/throttle.ts'
import { auditReader } from '../../audit/reading.ts'
import { waitedFor } from '../../waited-for.ts'
import { formOf, userAgent } from '../user-agent.ts'
import { isBack, type Pages, password, redirectUri, startPages, title } from './setting.ts'

describe('a user who logs in at the pages', { timeout: 300_000 }, () => {
  let site: Pages
  before(async () => {
    site = await startPages()
  })
  after(() => site?.estate.stop())

  test('is asked for his password, then for his consent, and gets back with a code that is good', async () => {
    const { accountId, username } = await site.account()
    const agent = userAgent(site.idp.url)
    const { url, verifier } = site.ask({ scope: 'openid email' })
    const login = await agent.go(url)
    assert.deepEqual([login.status, title(login)], [200, 'Sign in'])
    assert.match(login.page, /to continue to <strong><bdi>Acme Reports<\/bdi>/)
    const consent = await agent.submit(login, '/login', { username, password })
    assert.deepEqual([consent.status, title(consent)], [200, 'Allow access?'])
    assert.match(consent.page, /See your email address/)
    assert.match(consent.page, /sent back to <bdi>app\.example\.com<\/bdi>/)
    assert.match(consent.page, new RegExp(username))
    const back = await agent.submit(consent, '/consent')
    assert.ok(isBack(back), back.url.href)
    assert.equal(back.url.searchParams.get('state'), 'some state')
    const form = {
      grant_type: 'authorization_code',
      client_id: site.clientId,
      redirect_uri: redirectUri,
      code: back.url.searchParams.get('code') ?? '',
      code_verifier: verifier,
    }
    const { status, body } = await site.idp.call('/api/oidc/token', { method: 'POST', body: new URLSearchParams(form) })
    assert.equal(status, 200, JSON.stringify(body))
    const claims = JSON.parse(Buffer.from(body.id_token.split('.')[1], 'base64url').toString())
    assert.equal(claims.sub, accountId)
    // He is logged in, and has consented.
    assert.ok(isBack(await agent.go(site.ask({ scope: 'openid email' }).url)))
    const again = await agent.go(site.ask({ scope: 'openid email', prompt: 'consent' }).url)
    assert.match(again.page, /See your email address/)
    assert.ok(isBack(await agent.submit(again, '/consent')))
  })

  test('goes on at another instance with what he began at one', async () => {
    const { username } = await site.account()
    let at = site.idp
    const agent = userAgent(site.idp.url, () => at.url)
    const login = await agent.go(site.ask().url)
    at = site.other
    const consent = await agent.submit(login, '/login', { username, password })
    assert.equal(title(consent), 'Allow access?')
    at = site.idp
    assert.ok(isBack(await agent.submit(consent, '/consent')))
  })

  test('is told that username or password are wrong, whichever is, and need not type the username again', async () => {
    const { username, accountId } = await site.account()
    await site.change(accountId, { status: 'disabled' })
    const enabled = await site.account()
    for (const [name, typed] of [
      [enabled.username, 'wrong'],
      [username, password],
      ['nobody-"<b>', password],
    ] as const) {
      const { agent, page } = await site.begin()
      const again = await agent.submit(page, '/login', { username: name, password: typed })
      assert.deepEqual([again.status, title(again)], [422, 'Error: Sign in'])
      assert.match(again.page, /role="alert"[\s\S]*Username or password is wrong/)
      assert.ok(again.page.includes(`value="${name.replace('"', '&quot;').replace('<', '&lt;').replace('>', '&gt;')}"`))
      assert.ok(!again.page.includes(password))
      const retried = await agent.submit(again, '/login', { username: enabled.username, password })
      assert.equal(title(retried), 'Allow access?')
    }
  })

  test('is told which field he left empty', async () => {
    const { agent, page } = await site.begin()
    const nameless = await agent.submit(page, '/login', { username: ' ', password })
    assert.match(nameless.page, /<a href="#username">Enter your username<\/a>/)
    assert.match(nameless.page, /id="username"[^>]*aria-invalid="true" aria-describedby="username-hint"/)
    const empty = await agent.submit(page, '/login', { username: 'ann', password: '' })
    assert.match(empty.page, /id="password"[^>]*aria-invalid="true"/)
    assert.match(empty.page, /value="ann"/)
    assert.equal(empty.status, 422)
  })

  test('is told to wait after too many tries', async () => {
    const { username } = await site.account()
    const { agent, page } = await site.begin()
    let seen = page
    for (let at = 0; at <= mostAttempts.pair; at += 1) {
      seen = await agent.submit(page, '/login', { username, password: 'wrong' })
    }
    assert.equal(seen.status, 429)
    assert.match(seen.page, /Too many tries\. Wait \d+ seconds/)
    const seconds = Number(seen.headers.get('retry-after'))
    assert.ok(seconds > 0 && seconds <= 60)
    await site.estate.db
      .updateTable('login_attempts')
      .set({ since: new Date(0) })
      .execute()
    assert.equal(title(await agent.submit(seen, '/login', { username, password })), 'Allow access?')
  })

  test('finds the username there that the client expects', async () => {
    const { page } = await site.begin({ login_hint: 'ann" autofocus onfocus="alert(1)' })
    assert.ok(page.page.includes('value="ann&quot; autofocus onfocus=&quot;alert(1)"'))
  })

  test('may go back without, from the login and from the consent', async () => {
    const { username } = await site.account()
    const { agent, page } = await site.begin()
    const cancelled = await agent.submit(page, '/abort')
    assert.equal(cancelled.url.searchParams.get('error'), 'access_denied')
    const second = await site.begin()
    const consent = await second.agent.submit(second.page, '/login', { username, password })
    const denied = await second.agent.submit(consent, '/abort')
    assert.ok(isBack(denied))
    assert.deepEqual(
      [denied.url.searchParams.get('error'), denied.url.searchParams.get('code')],
      ['access_denied', null],
    )
    // Nothing was granted.
    assert.equal(title(await second.agent.go(site.ask().url)), 'Allow access?')
  })

  test('is told what to do when it took too long, at every step', async () => {
    const { username } = await site.account()
    const { agent, page } = await site.begin()
    const { action, hidden } = formOf(page.page, '/login')
    await site.estate.db
      .updateTable('oidc_state')
      .set({ expires_at: new Date(0) })
      .where('model', '=', 'Interaction')
      .execute()
    const form = { ...hidden, username, password }
    const gone = [page.url, action, action.replace(/login$/, 'consent'), action.replace(/login$/, 'abort')]
    for (const [at, path] of gone.entries()) {
      const seen = await agent.go(path, at === 0 ? {} : { form })
      assert.deepEqual([seen.status, title(seen)], [400, 'This sign-in has expired'])
      assert.match(seen.page, /Go back to the application and sign in again/)
    }
    const unknown = await agent.go('/api/oidc/interaction/nobody')
    assert.equal(title(unknown), 'This sign-in has expired')
    const events = await (await auditReader(site.idp)).all({ action: 'login.succeeded' })
    assert.ok(!JSON.stringify(events).includes(username))
  })

  test('is led on when he goes back to a page that is done', async () => {
    const { username } = await site.account()
    const { agent, page } = await site.begin()
    const consent = await agent.submit(page, '/login', { username, password })
    const reloaded = await agent.go(`${consent.url.pathname}/consent`)
    assert.equal(title(reloaded), 'Allow access?')
    // The form of a login that is over: its interaction is another one, and has ended.
    assert.equal(title(await agent.submit(page, '/login', { username, password })), 'This sign-in has expired')
    assert.ok(isBack(await agent.submit(consent, '/consent')))
  })

  test('is not logged in by a login that was under way when his password was changed or his account disabled', async () => {
    for (const act of [{ password: 'another good password' }, { status: 'disabled' }]) {
      const { accountId, username } = await site.account()
      const { agent, page } = await site.begin()
      const consent = await agent.submit(page, '/login', { username, password })
      assert.equal(title(consent), 'Allow access?')
      assert.equal((await site.change(accountId, act)).status, 200)
      const ended = await agent.submit(consent, '/consent')
      assert.ok(!isBack(ended), ended.url.href)
      assert.equal(title(ended), 'This sign-in has expired')
      assert.equal(title(await agent.go(site.ask().url)), 'Sign in')
    }
  })

  test('is not logged in by a password that was changed while it was checked', async () => {
    const { accountId, username } = await site.account()
    const { agent, page } = await site.begin()
    await agent.submit(page, '/login', { username, password: 'wrong' })
    const { login } = await site.estate.db.transaction().execute(async (transaction) => {
      await transaction.selectFrom('login_attempts').selectAll().forUpdate().execute()
      const login = agent.submit(page, '/login', { username, password })
      await waitedFor(transaction)
      // As a change of the password does it. A login dates from the start of a second: the change is in a later one for certain.
      await transaction
        .updateTable('accounts')
        .set({ logins_since: sql`clock_timestamp() + interval '2 seconds'` })
        .where('account_id', '=', accountId)
        .execute()
      return { login }
    })
    assert.equal(title(await login), 'This sign-in has expired')
  })

  test('logs out on a page that asks, and is told so', async () => {
    const { username } = await site.account()
    const { agent, page } = await site.begin()
    const consent = await agent.submit(page, '/login', { username, password })
    await agent.submit(consent, '/consent')
    const asked = await agent.go(`/api/oidc/session/end?client_id=${site.clientId}`)
    assert.deepEqual([asked.status, title(asked)], [200, 'Sign out?'])
    assert.match(asked.page, /Acme Reports/)
    const stays = await agent.submit(asked, '/confirm')
    assert.match(stays.page, /for <strong><bdi>Acme Reports<\/bdi><\/strong> alone[\s\S]*still signed in/)
    const again = await agent.go('/api/oidc/session/end')
    assert.equal(title(again), 'Sign out?')
    assert.equal(again.page.match(/<button/g)?.length, 1)
    const gone = await agent.submit(again, '/confirm', { logout: 'yes' })
    assert.deepEqual([title(gone), /still/.test(gone.page)], ['You are signed out', false])
    assert.equal(title(await agent.go(site.ask().url)), 'Sign in')
  })
})
