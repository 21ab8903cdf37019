import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { agent, decodeUnverified, type Estate, startEstate, type TestInstance } from '../estate.ts'

describe('the published key set', () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate({ JWKS_CACHE_TTL_SECONDS: '120' })
    idp = await estate.instance()
  })
  after(() => estate.stop())

  test('holds an active and a standby key for each algorithm, and no private member', async () => {
    const { keys } = (await idp.call('/.well-known/jwks.json')).body
    assert.deepEqual(keys.map((key: { alg: string }) => key.alg).sort(), ['ES256', 'ES256', 'RS256', 'RS256'])
    for (const key of keys) {
      assert.equal(key.use, 'sig')
      for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) assert.equal(member in key, false)
    }
    const signing = decodeUnverified((await idp.token(agent)).body.access_token).header.kid
    assert.ok(keys.some((key: { kid: string }) => key.kid === signing))
  })

  test('is cacheable for as long as configured, and answers 304 to its ETag', async () => {
    const first = await idp.call('/api/oidc/jwks')
    const etag = first.headers.get('etag') ?? ''
    assert.equal(first.headers.get('cache-control'), 'public, max-age=120')
    assert.match(etag, /^"[\w-]{22}"$/)
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      assert.equal((await idp.call('/.well-known/jwks.json', { headers: { 'if-none-match': tag } })).status, 304)
    }
    assert.equal((await idp.call('/.well-known/jwks.json', { headers: { 'if-none-match': '"other"' } })).status, 200)
  })

  test('changes its ETag when a key comes', async () => {
    const before = (await idp.call('/.well-known/jwks.json')).headers.get('etag')
    assert.equal((await idp.manage('POST', '/api/v1/keyrings/signing-es256/prepare')).status, 202)
    await idp.idp.instance.view.everywhere((await idp.manage('GET', '/api/v1/keyrings/signing-es256')).body.revision)
    assert.notEqual((await idp.call('/.well-known/jwks.json')).headers.get('etag'), before)
  })

  test('is named by the metadata, which stands at all four addresses', async () => {
    for (const prefix of ['', '/api/oidc']) {
      for (const name of ['openid-configuration', 'oauth-authorization-server']) {
        const { body } = await idp.call(`${prefix}/.well-known/${name}`)
        assert.equal(body.issuer, idp.url)
        assert.equal(body.token_endpoint, `${idp.url}/api/oidc/token`)
        assert.equal((await fetch(body.jwks_uri)).status, 200)
      }
    }
  })

  test('stores private halves sealed, and erases that of a revoked key', async () => {
    const active = (await idp.manage('GET', '/api/v1/keyrings/signing-rs256')).body.versions[0].id
    const stored = async () => JSON.stringify(await estate.db.selectFrom('keyrings').select('document').execute())
    assert.match(await stored(), /"sealedPrivate":"s1\.[0-9a-f]{12}\./)
    assert.equal(/"d":"|PRIVATE KEY/.test(await stored()), false)
    assert.equal(
      (await idp.manage('POST', '/api/v1/keyrings/signing-rs256/revoke', { id: active, reason: 'test' })).status,
      200,
    )
    const rows = await estate.db.selectFrom('keyrings').select('document').where('name', '=', 'signing-rs256').execute()
    const versions = rows[0]?.document.versions as { id: string; sealedPrivate?: string }[]
    assert.equal(versions.find((version) => version.id === active)?.sealedPrivate, undefined)
  })
})
