import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { authorization, formOf, type Sent, userAgent } from '../user-agent.ts'
import { isBack, type Pages, password, startPages, title } from './setting.ts'

describe('a user at the pages', { timeout: 300_000 }, () => {
  let site: Pages
  before(async () => {
    site = await startPages()
  })
  after(() => site?.estate.stop())

  test('is let in by no form that is not of the page in his own browser', async () => {
    const { username } = await site.account()
    const { agent, page } = await site.begin()
    const typed = { username, password }
    const { action, hidden } = formOf(page.page, '/login')
    const own = { origin: site.idp.url, 'sec-fetch-site': 'same-origin' }
    const { agent: another, page: theirs } = await site.begin()
    const foreign = formOf(theirs.page, '/login').hidden
    const forms: Sent[] = [
      { form: typed, headers: own },
      { form: { ...typed, csrf: 'x' }, headers: own },
      { form: { ...typed, ...foreign }, headers: own },
      { form: { ...typed, ...hidden }, headers: { origin: 'https://evil.example' } },
      { form: { ...typed, ...hidden }, headers: { origin: 'null' } },
      { form: { ...typed, ...hidden }, headers: { 'sec-fetch-site': 'cross-site' } },
      { form: { ...typed, ...hidden }, headers: { 'sec-fetch-site': 'same-site' } },
    ]
    for (const sent of forms) {
      const refused = await agent.go(action, sent)
      assert.deepEqual([refused.status, title(refused)], [403, 'This form cannot be accepted'])
    }
    // The form of one browser, sent by another, which has no cookie for it.
    const stolen = await another.go(action, { form: { ...typed, ...hidden }, headers: own })
    assert.deepEqual([stolen.status, title(stolen)], [400, 'This sign-in has expired'])
    assert.equal(title(await agent.go(action, { form: { ...typed, ...hidden } })), 'Allow access?')
  })

  test('cannot be made to consent by a form from elsewhere', async () => {
    const { username } = await site.account()
    const { agent, page } = await site.begin()
    const consent = await agent.submit(page, '/login', { username, password })
    const { action } = formOf(consent.page, '/consent')
    for (const path of [action, action.replace(/consent$/, 'abort')]) {
      assert.equal((await agent.go(path, { form: {}, headers: { origin: site.idp.url } })).status, 403)
    }
    assert.ok(isBack(await agent.submit(consent, '/consent')))
  })

  test('sees the name of a client as text, whatever it is', async () => {
    const { username } = await site.account()
    const hostile = await site.client('"><script>alert(1)</script>\u202e')
    const { agent, page } = await site.begin({}, hostile)
    const consent = await agent.submit(page, '/login', { username, password })
    for (const { page: text } of [page, consent]) {
      assert.ok(text.includes('&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;</bdi>'), text)
      assert.doesNotMatch(text, /<script|\u202e/)
    }
  })

  test('sees pages that load nothing, run nothing, are framed by nobody and kept nowhere', async () => {
    const { agent, page } = await site.begin()
    const wrong = await agent.submit(page, '/login', { username: 'x', password: 'y' })
    const expired = await agent.go('/api/oidc/interaction/nobody')
    const refused = await agent.go('/api/oidc/auth?client_id=nobody')
    for (const { headers, page: text } of [page, wrong, expired, refused]) {
      const policy = headers.get('content-security-policy') ?? ''
      assert.match(policy, /^default-src 'none'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; frame-ancestors 'none'$/)
      assert.equal(headers.get('cache-control'), 'no-store')
      assert.equal(headers.get('referrer-policy'), 'same-origin')
      assert.equal(headers.get('x-content-type-options'), 'nosniff')
      assert.match(headers.get('content-type') ?? '', /^text\/html; charset=utf-8/)
      assert.doesNotMatch(text, /<script|<link|<img|style="|javascript:/)
      assert.match(text, /<html lang="en">[\s\S]*<meta name="viewport"[\s\S]*<main>[\s\S]*<h1>/)
    }
  })

  test('sees a page, and no JSON, where it cannot be served', async () => {
    const { agent, page } = await site.begin()
    const { view } = site.idp.idp.instance
    const held = view.held
    view.held = () => false
    const seen = await agent.go(page.url).finally(() => {
      view.held = held
    })
    assert.deepEqual([seen.status, title(seen)], [503, 'This cannot be done at the moment'])
    assert.match(seen.page, /NO_LEASE/)
    const tooMuch = await agent.go(`${page.url.pathname}/login`, { form: { csrf: 'x'.repeat(300_000) } })
    assert.deepEqual([tooMuch.status, title(tooMuch)], [413, 'This page cannot be shown'])
  })

  test('who asks for what is not registered is told so on a page, and not sent anywhere', async () => {
    const agent = userAgent(site.idp.url)
    const seen = await agent.go(authorization(site.idp.url, site.clientId, 'https://evil.example/<b>').url)
    assert.equal(seen.status, 400)
    assert.match(seen.page, /cannot be answered[\s\S]*invalid_redirect_uri/)
    assert.doesNotMatch(seen.page, /<b>/)
  })
})
