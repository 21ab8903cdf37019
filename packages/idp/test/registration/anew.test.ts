import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import { mostDenied } from '../../src/denied/store.ts'
import { admin, basic, type Estate, startEstate, type TestInstance } from '../estate.ts'
import {
  audience,
  beginLogin,
  discovered,
  makeUser,
  redirectUri,
  type TestUser,
  tokensFor,
  typeIn,
} from '../oidc/setting.ts'
import { hasForm, userAgent } from '../oidc/user-agent.ts'
import { askRegistration, initialToken, newKey, registerClient, sendAs, tokenByKey } from './client.ts'

describe('a client that takes the place of another', { timeout: 120_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let user: TestUser
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    user = await makeUser(idp)
  })
  after(() => estate.stop())

  const isActive = async (token: string): Promise<boolean> => {
    const init = { method: 'POST', headers: { authorization: basic(admin) }, body: new URLSearchParams({ token }) }
    return (await idp.call('/api/v1/token/introspect', init)).body.active
  }
  const denialOf = async (clientId: string) =>
    (
      await estate.db
        .selectFrom('denied')
        .select(['issued_before', 'unsuspended_before'])
        .where('value', '=', clientId)
        .execute()
    ).at(0)

  test('by a token that is bound to it inherits nothing: neither tokens nor what users consented to', async () => {
    const first = await registerClient(idp, { profile: 'spa', client_id: 'shop', redirect_uris: [redirectUri] })
    const config = await discovered(idp.url, first)
    const browser = userAgent(idp.url)
    const scope = 'openid offline_access'
    const old = await tokensFor(idp.url, config, user, { scope, prompt: 'consent' }, browser)
    const jwt = await tokensFor(idp.url, config, user, { scope: 'openid', resource: audience }, browser)
    assert.equal(await isActive(jwt.access_token), true)
    const iat = (await initialToken(idp, { client_id: 'shop' })).token
    const second = await registerClient(idp, { iat, profile: 'spa', redirect_uris: [redirectUri] })
    for (const token of [jwt.access_token, old.access_token, old.refresh_token]) {
      assert.equal(await isActive(token ?? ''), false)
    }
    const form = { grant_type: 'refresh_token', refresh_token: old.refresh_token ?? '', client_id: 'shop' }
    const refreshed = await idp.call('/api/oidc/token', { method: 'POST', body: new URLSearchParams(form) })
    assert.deepEqual([refreshed.status, refreshed.body.error], [400, 'invalid_grant'])
    const login = await browser.go((await beginLogin(await discovered(idp.url, second))).url)
    // A login from before is good still, or not, by how long the registration took.
    const asked = hasForm(login, '/login') ? await typeIn(browser, login, user) : login
    assert.ok(hasForm(asked, '/consent'), `${asked.status} ${asked.url}`)
    const fresh = await tokensFor(idp.url, config, user, { scope: 'openid', resource: audience }, browser)
    assert.equal(await isActive(fresh.access_token), true, 'what the new one gets is good at once')
  })

  test('takes no id of one that an administrator decommissioned as an agent, unless it is given to it', async () => {
    await registerClient(idp, { client_id: 'robbed' })
    assert.equal((await idp.manage('DELETE', '/api/v1/agents/robbed')).status, 204)
    const { status, body } = await askRegistration(idp, { client_id: 'robbed', key: newKey() })
    assert.deepEqual([status, body.error], [400, 'invalid_client_metadata'])
    const iat = (await initialToken(idp, { client_id: 'robbed' })).token
    const again = await registerClient(idp, { iat })
    const tokens = await tokenByKey(idp, again.clientId, again.key)
    assert.equal(await isActive(tokens.body.access_token), true)
  })

  test('is refused by a token for it of before an administrator ended it, and let in by one of afterwards', async () => {
    for (const path of ['/api/v1/agents/ended', '/api/admin/dcr/clients/ended']) {
      const first = await initialToken(idp, { client_id: 'ended' })
      await registerClient(idp, { iat: first.token })
      assert.equal((await idp.manage('DELETE', path)).status, 204)
      const { status, body } = await askRegistration(idp, { iat: first.token, key: newKey() })
      assert.deepEqual([status, body.error], [401, 'invalid_token'], path)
      const second = await initialToken(idp, { client_id: 'ended' })
      assert.equal((await idp.manage('DELETE', path)).status, 204, 'whoever lost the reply asks again')
      await registerClient(idp, { iat: second.token })
      const events = estate.db.selectFrom('audit_events').select(['agent_id', 'details'])
      const revoked = await events.where('action', '=', 'initial_access_token.revoked').execute()
      const told = revoked.filter(({ details }) => JSON.stringify(details).includes(first.id))
      assert.deepEqual(
        told.map(({ agent_id }) => agent_id),
        ['ended'],
      )
      assert.ok(!JSON.stringify(revoked).includes(second.id))
    }
  })

  test('by a token for it may come back after it deleted itself', async () => {
    const { token: iat } = await initialToken(idp, { client_id: 'leaves' })
    const first = await registerClient(idp, { iat })
    assert.equal((await sendAs(idp, first.rat, 'DELETE', first.path)).status, 204)
    assert.equal((await registerClient(idp, { iat })).clientId, 'leaves')
  })

  test('gets tokens that are good, though the end of its registration failed and was asked for again', async () => {
    await registerClient(idp, { client_id: 'unlucky' })
    const { token: iat } = await initialToken(idp, { client_id: 'unlucky', max_usages: 1 })
    const key = newKey()
    const ask = () =>
      sendAs(idp, iat, 'POST', '/api/oidc/register', { jwks: { keys: [key.jwk] } }, { 'idempotency-key': 'once' })
    await sql`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE SQLSTATE '57014' USING MESSAGE = 'canceled'; END $$`.execute(estate.db)
    await sql`CREATE TRIGGER fails BEFORE UPDATE ON denied FOR EACH ROW EXECUTE FUNCTION fail()`.execute(estate.db)
    assert.ok((await ask()).status >= 500)
    await sql`DROP TRIGGER fails ON denied`.execute(estate.db)
    assert.equal((await ask()).status, 201)
    const { body } = await tokenByKey(idp, 'unlucky', key)
    assert.equal(await isActive(body.access_token), true)
    const denied = await denialOf('unlucky')
    assert.ok(denied?.unsuspended_before === null && Number(denied.issued_before) <= Date.now())
  })

  test('takes the id of one that administrators deleted as a client, also after it was decommissioned', async () => {
    for (const before of [[], ['/api/v1/agents/let-go']]) {
      await registerClient(idp, { client_id: 'let-go' })
      for (const path of [...before, '/api/admin/dcr/clients/let-go']) {
        assert.equal((await idp.manage('DELETE', path)).status, 204)
      }
    }
    assert.equal((await registerClient(idp, { client_id: 'let-go' })).clientId, 'let-go')
  })

  test('and is refused leaves the tokens of the one before denied for as long as they were', async () => {
    const gone = await registerClient(idp, { client_id: 'gone' })
    await sendAs(idp, gone.rat, 'DELETE', gone.path)
    const before = await denialOf('gone')
    assert.ok(before)
    const { status } = await askRegistration(idp, { client_id: 'gone', key: newKey(gone.kid) })
    assert.equal(status, 400, 'the name of a key is that key’s')
    assert.deepEqual(await denialOf('gone'), before)
    await registerClient(idp, { client_id: 'gone' })
    assert.notDeepEqual(await denialOf('gone'), before)
  })

  describe('when the deny-list has no room for clients', () => {
    const fill = (count: number) =>
      sql`
      INSERT INTO denied (kind, value, ends_at, revision)
      SELECT 'sid', 'filling-' || n, now() + interval '1 hour', 1 FROM generate_series(1, ${count}::int) n
    `.execute(estate.db)
    after(() => sql`DELETE FROM denied WHERE value LIKE 'filling-%'`.execute(estate.db))

    test('one that deletes itself is asked to come again, and is there; administrators delete it', async () => {
      const client = await registerClient(idp, { client_id: 'too-many' })
      await fill(mostDenied / 2)
      const { status, body, headers } = await sendAs(idp, client.rat, 'DELETE', client.path)
      assert.deepEqual([status, body.error], [503, 'temporarily_unavailable'])
      assert.ok(headers.get('retry-after'))
      assert.equal((await sendAs(idp, client.rat, 'GET', client.path)).status, 200)
      assert.equal((await idp.manage('DELETE', '/api/admin/dcr/clients/too-many')).status, 204)
      await sql`DELETE FROM denied WHERE value LIKE 'filling-%'`.execute(estate.db)
      await sql`
        INSERT INTO denied (kind, value, ends_at, revision, denied_by)
        SELECT 'client_id', 'filling-' || n, now() + interval '1 hour', 1, 'organization/default' FROM generate_series(1, 5000) n
      `.execute(estate.db)
      const other = await registerClient(idp, { client_id: 'one-too-many' })
      assert.equal((await sendAs(idp, other.rat, 'DELETE', other.path)).status, 503, 'of one organization')
    })
  })
})
