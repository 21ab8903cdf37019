import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { IdpError } from '../../src/index.ts'
import { agent, type Estate, startEstate, type TestInstance } from '../estate.ts'
import { open } from '../incidents/setting.ts'
import { askRegistration, initialToken, newKey, registerClient, sendAs } from './client.ts'

const tokens = '/api/admin/dcr/initial-access-tokens'
const clients = '/api/admin/dcr/clients'

describe('the administration of registration', { timeout: 120_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
  })
  after(() => estate.stop())

  const withScopes = async (scope: string) =>
    (await idp.token({ clientId: 'admin-1', clientSecret: `sk_live_${'a'.repeat(64)}` }, { scope })).body.access_token

  test('needs two scopes: to administer, and to register or to administer clients', async () => {
    const asked = { label: 'x' }
    for (const scope of ['admin.api', 'dcr.register', 'admin.api dcr.admin', 'agents:write']) {
      const { status, body } = await idp.manage('POST', tokens, asked, await withScopes(scope))
      assert.deepEqual([status, body.code], [403, 'INSUFFICIENT_SCOPE'], scope)
    }
    assert.equal((await idp.manage('POST', tokens, asked, await withScopes('admin.api dcr.register'))).status, 201)
    const { clientId } = await registerClient(idp)
    for (const scope of ['admin.api', 'dcr.admin', 'admin.api dcr.register']) {
      for (const [method, path] of [
        ['GET', clients],
        ['GET', `${clients}/${clientId}`],
        ['POST', `${clients}/${clientId}/tokens`],
        ['DELETE', `${clients}/${clientId}`],
      ] as const) {
        assert.equal(
          (await idp.manage(method, path, undefined, await withScopes(scope))).status,
          403,
          `${method} ${path}`,
        )
      }
    }
  })

  test('needs a third one to bind a token to a client', async () => {
    const bound = { label: 'x', client_id: 'some-client' }
    const refused = await idp.manage('POST', tokens, bound, await withScopes('admin.api dcr.register'))
    assert.deepEqual([refused.status, refused.body.details.scope], [403, 'dcr.admin'])
    const made = await idp.manage('POST', tokens, bound, await withScopes('admin.api dcr.register dcr.admin'))
    assert.deepEqual([made.status, made.body.client_id], [201, 'some-client'])
  })

  test('makes a token of one use and a day where nothing else is said, and shows it once', async () => {
    const { body } = await idp.manage('POST', tokens, { label: 'bff' })
    assert.match(body.token, /^rki_[\w-]{43}$/)
    const hours = (Date.parse(body.expires_at) - Date.now()) / 3_600_000
    assert.ok(hours > 23.9 && hours < 24.1)
    assert.deepEqual([body.max_usages, body.used, body.label, body.created_by], [1, 0, 'bff', 'admin-1'])
    const other = await idp.manage('POST', tokens, { label: 'x', max_uses: 7, expires_in: 60, client_profile: 'spa' })
    assert.deepEqual([other.body.max_usages, other.body.client_profile], [7, 'spa'])
    const list = (await idp.manage('GET', tokens)).body.initial_access_tokens
    assert.ok(list.length > 1)
    assert.ok(!JSON.stringify(list).includes(body.token))
  })

  test('refuses what is malformed', async () => {
    const bad = [
      {},
      { label: '' },
      { label: 'x', max_usages: 0 },
      { label: 'x', expires_in: -1 },
      { label: 'x', expires_in: 1e9 },
      { label: 'x', expiresIn: 5 },
    ]
    for (const body of bad) assert.equal((await idp.manage('POST', tokens, body)).status, 400, JSON.stringify(body))
    for (const wrong of [{ client_profile: 'nobody' }, { client_id: 'a/b' }, { client_id: agent.clientId }]) {
      const { status, body } = await idp.manage('POST', tokens, { label: 'x', ...wrong })
      assert.deepEqual([status, body.code], [400, 'INVALID_CLIENT_METADATA'], JSON.stringify(wrong))
    }
    assert.equal((await idp.manage('DELETE', `${tokens}/nobody`)).body.code, 'UNKNOWN_INITIAL_ACCESS_TOKEN')
    for (const [method, path] of [
      ['GET', 'nobody'],
      ['POST', 'nobody/tokens'],
      ['DELETE', 'nobody'],
      ['GET', agent.clientId],
    ] as const) {
      const { status, body } = await idp.manage(method, `${clients}/${path}`)
      assert.deepEqual([status, body.code], [404, 'UNKNOWN_CLIENT'], path)
    }
  })

  test('shows a client with its keys, what it authenticates by besides, and no secret', async () => {
    const client = await registerClient(idp, { client_name: 'shown' })
    const { body, headers } = await idp.manage('GET', `${clients}/${client.clientId}`)
    assert.equal(headers.get('etag'), client.etag)
    assert.deepEqual([body.client_name, body.status, body.organization_id], ['shown', 'active', 'default'])
    assert.equal(body.keys[0].kid, client.kid)
    assert.ok(Date.now() - Date.parse(body.keys[0].first_seen_at) < 60_000)
    assert.deepEqual(
      body.registration_access_tokens.map(({ state }: { state: string }) => state),
      ['active'],
    )
    const secret = await registerClient(idp, { profile: 'code-flow-secret', redirect_uris: ['https://a.example/'] })
    const shown = await idp.manage('GET', `${clients}/${secret.clientId}`)
    assert.equal(shown.body.credentials[0].kind, 'client-secret')
    for (const hidden of [secret.secret, secret.rat]) assert.ok(!JSON.stringify(shown.body).includes(hidden))
  })

  test('lists all clients, a page at a time', async () => {
    await registerClient(idp)
    await registerClient(idp)
    const seen: string[] = []
    let cursor = ''
    do {
      const { body } = await idp.manage('GET', `${clients}?limit=1${cursor && `&cursor=${cursor}`}`)
      assert.equal(body.clients.length, 1)
      seen.push(body.clients[0].client_id)
      cursor = body.nextCursor ?? ''
    } while (cursor !== '')
    const rows = await estate.db.selectFrom('clients').select('client_id').execute()
    assert.deepEqual(seen.toSorted(), rows.map(({ client_id }) => client_id).toSorted())
  })

  test('deletes a client, once and for all', async () => {
    const client = await registerClient(idp)
    for (const _twice of [1, 2]) assert.equal((await idp.manage('DELETE', `${clients}/${client.clientId}`)).status, 204)
    assert.equal((await sendAs(idp, client.rat, 'GET', client.path)).status, 404)
    assert.equal((await idp.manage('POST', `${clients}/${client.clientId}/tokens`)).body.code, 'AGENT_DECOMMISSIONED')
    const { body: shown } = await idp.manage('GET', `${clients}/${client.clientId}`)
    assert.deepEqual([shown.status, shown.registration_access_tokens], ['decommissioned', []])
    const events = await estate.db
      .selectFrom('audit_events')
      .select('actor')
      .where('action', '=', 'client.deleted')
      .where('agent_id', '=', client.clientId)
      .execute()
    assert.deepEqual(events, [{ actor: 'admin-1' }])
  })

  test('is of no use to agents of other organizations', async () => {
    const client = await registerClient(idp)
    const asked = { name: 'theirs', organizationId: 'other' }
    const made = (await idp.manage('POST', '/api/v1/agents', asked)).body
    await estate.db
      .updateTable('agents')
      .set({ scopes: ['admin.api', 'dcr.admin', 'dcr.register'] })
      .where('agent_id', '=', made.agentId)
      .execute()
    const { body } = await idp.token(
      { clientId: made.agentId, clientSecret: made.credential.clientSecret },
      { scope: 'management' },
    )
    for (const [method, path] of [
      ['POST', tokens],
      ['GET', tokens],
      ['GET', clients],
      ['GET', `${clients}/${client.clientId}`],
      ['DELETE', `${clients}/${client.clientId}`],
    ] as const) {
      const reply = await idp.manage(method, path, method === 'POST' ? { label: 'x' } : undefined, body.access_token)
      assert.deepEqual([reply.status, reply.body.code], [403, 'FORBIDDEN'], path)
    }
  })

  test('of a client that is of another organization is refused to each alike', async () => {
    const client = await registerClient(idp)
    const { id } = await initialToken(idp, { client_id: client.clientId })
    await estate.db
      .updateTable('agents')
      .set({ organization_id: 'other' })
      .where('agent_id', '=', client.clientId)
      .execute()
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/tokens'],
      ['DELETE', ''],
    ] as const) {
      assert.equal((await idp.manage(method, `${clients}/${client.clientId}${path}`)).body.code, 'FORBIDDEN')
    }
    const list = (await idp.manage('GET', `${clients}?limit=200`)).body.clients
    assert.ok(list.every((each: { client_id: string }) => each.client_id !== client.clientId))
    assert.equal((await idp.manage('POST', tokens, { label: 'x', client_id: client.clientId })).status, 400)
    await estate.db
      .updateTable('initial_access_tokens')
      .set({ organization_id: 'third' })
      .where('token_id', '=', id)
      .execute()
    assert.equal((await idp.manage('DELETE', `${tokens}/${id}`)).status, 404)
  })

  test('and registration itself are refused by an instance without a lease', async () => {
    const client = await registerClient(idp)
    const alone = await estate.instance({ REKEY_ISSUER: idp.url })
    const { token } = await initialToken(idp)
    alone.idp.instance.requireLease = () => {
      throw new IdpError('NO_LEASE', 'no lease')
    }
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      const { status, body } = await sendAs(
        alone,
        client.rat,
        method,
        client.path,
        method === 'GET' || method === 'DELETE' ? undefined : {},
      )
      assert.deepEqual([status, body.error], [503, 'temporarily_unavailable'], method)
    }
    const posted = await sendAs(alone, token, 'POST', '/api/oidc/register', {})
    assert.deepEqual([posted.status, posted.body.error], [503, 'temporarily_unavailable'])
  })
})

describe('registration while administration is frozen', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
  })
  after(() => estate.stop())

  test('is refused with the incident; what is there can be read and deleted', async () => {
    const client = await registerClient(idp)
    const { id, token } = await initialToken(idp)
    const bearer = await idp.management()
    await open(idp, 'INC-1')
    assert.equal((await idp.manage('POST', '/api/v1/incidents/INC-1/freeze', undefined, bearer)).status, 200)
    const frozen = [
      await askRegistration(idp, { iat: token, key: newKey() }),
      await sendAs(idp, client.rat, 'PATCH', client.path, { client_name: 'x' }),
      await sendAs(idp, client.rat, 'PUT', client.path, {}),
    ]
    for (const { status, body } of frozen) {
      assert.deepEqual([status, body.error, body.incident], [423, 'administration_frozen', 'INC-1'])
    }
    for (const [path, body] of [
      [tokens, { label: 'x' }],
      [`${clients}/${client.clientId}/tokens`, undefined],
    ] as const) {
      const reply = await idp.manage('POST', path, body, bearer)
      assert.deepEqual([reply.status, reply.body.code, reply.body.incident], [423, 'ADMINISTRATION_FROZEN', 'INC-1'])
    }
    assert.equal((await sendAs(idp, 'rkr_none', 'PATCH', client.path, {})).status, 401)
    assert.equal((await sendAs(idp, client.rat, 'GET', client.path)).status, 200)
    assert.equal((await idp.manage('DELETE', `${tokens}/${id}`, undefined, bearer)).status, 204)
    assert.equal((await sendAs(idp, client.rat, 'DELETE', client.path)).status, 204)
  })
})
