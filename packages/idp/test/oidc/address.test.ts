import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Estate, startEstate, type TestInstance } from '../estate.ts'
import { redirectUri, registerWeb } from './setting.ts'

describe('an issuer behind a proxy that ends TLS', { timeout: 180_000 }, () => {
  const issuer = 'https://login.example.com'
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance({ REKEY_ISSUER: issuer })
  })
  after(() => estate.stop())

  test('sets cookies for TLS alone, and goes by its own address, whatever a request says', async () => {
    const { clientId } = await registerWeb(idp)
    const search = new URLSearchParams({
      client_id: clientId,
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'openid',
      code_challenge: 'x'.repeat(43),
      code_challenge_method: 'S256',
    })
    const headers = { 'x-forwarded-host': 'evil.example.com', 'x-forwarded-proto': 'http', forwarded: 'host=evil' }
    const reply = await fetch(`${idp.url}/api/oidc/auth?${search}`, { redirect: 'manual', headers })
    assert.equal(reply.status, 303)
    assert.match(reply.headers.get('location') ?? '', /^\/api\/oidc\/interaction\//)
    const cookies = reply.headers.getSetCookie()
    assert.ok(cookies.length > 0)
    for (const cookie of cookies) assert.match(cookie, /; secure; httponly/i)
    const [kept] = await estate.db.selectFrom('oidc_state').selectAll().where('model', '=', 'Interaction').execute()
    const record = `oidc/Interaction/${kept?.id_hash.toString('hex')}`
    const { returnTo } = JSON.parse(idp.idp.instance.sealer.open(record, kept?.sealed ?? '').toString())
    assert.ok(returnTo.startsWith(`${issuer}/api/oidc/auth/`), returnTo)
  })
})
