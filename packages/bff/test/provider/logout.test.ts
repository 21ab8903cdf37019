import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { eventually, freePort } from '@rekey/database/testing'
import { startProvider, type TestProvider } from '../provider.ts'
import { callback, clientId, logIn, type Setting, setting, type TestOpen } from './setting.ts'

const event = 'http://schemas.openid.net/event/backchannel-logout'

type Json = Record<string, unknown>
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Signs by RS256, or pretends to. */
function token(key: KeyObject, header: Json, claims: Json): string {
  const input = `${part({ alg: 'RS256', ...header })}.${part(claims)}`
  return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`
}

describe('a logout token', () => {
  let idp: TestProvider
  let at: Setting
  let provider: TestOpen
  let key: KeyObject
  let kid: string
  const told: string[] = []
  const server = createServer(async (request, response) => {
    told.push(new URLSearchParams(await text(request)).get('logout_token') ?? '')
    response.end()
  })

  before(async () => {
    idp = await startProvider()
    at = await setting()
    const port = await freePort()
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    await idp.addClient({
      clientId,
      secret: 'secret',
      redirectUris: [callback],
      backchannelLogoutUri: `http://127.0.0.1:${port}/`,
    })
    provider = await at.open({ IDP_BASE_URL: idp.issuer, AUTH_CLIENT_ID: clientId, AUTH_CLIENT_SECRET: 'secret' })
    const jwk = idp.signingKey()
    key = createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' })
    kid = String(jwk.kid)
  })
  after(async () => {
    server.close()
    await at.close()
    await idp.close()
  })

  const good = (): Json => {
    const iat = Math.floor(Date.now() / 1000)
    const once = { jti: 'j1', events: { [event]: {} }, sub: 'user-1', sid: 'sid-1' }
    return { iss: idp.issuer, aud: clientId, iat, exp: iat + 120, ...once }
  }
  const made = (claims: Json = {}, header: Json = {}): string =>
    token(key, { kid, typ: 'logout+jwt', ...header }, { ...good(), ...claims })

  it('of the provider itself tells whose sessions end', async () => {
    const { claims } = await logIn(provider)
    await idp.sendLogout(clientId, 'user-1', claims?.sid)
    const order = await provider.logoutOrder(told.at(-1) ?? '')
    assert.deepEqual({ ...order, jti: '' }, { iss: idp.issuer, jti: '', sub: 'user-1', sid: claims?.sid })
  })

  const accepted: [string, Json, Json, Json][] = [
    ['with user and session', {}, {}, { sub: 'user-1', sid: 'sid-1' }],
    ['with a session only', { sub: undefined }, {}, { sid: 'sid-1' }],
    ['with a user only', { sid: undefined }, {}, { sub: 'user-1' }],
    ['for several audiences', { aud: ['another', clientId] }, {}, { sub: 'user-1', sid: 'sid-1' }],
    ['of a provider from before it had a type', {}, { typ: undefined }, { sub: 'user-1', sid: 'sid-1' }],
    ['that calls itself a JWT', {}, { typ: 'JWT' }, { sub: 'user-1', sid: 'sid-1' }],
    ['whose type is written in full', {}, { typ: 'application/logout+jwt' }, { sub: 'user-1', sid: 'sid-1' }],
  ]
  for (const [name, claims, header, order] of accepted) {
    it(`is good ${name}`, async () => {
      assert.deepEqual(await provider.logoutOrder(made(claims, header)), { iss: idp.issuer, jti: 'j1', ...order })
    })
  }

  const now = Math.floor(Date.now() / 1000)
  const refused: [string, Json, Json][] = [
    ['of another issuer', { iss: 'https://another.example' }, {}],
    ['for another client', { aud: 'another' }, {}],
    ['without an audience', { aud: undefined }, {}],
    ['that has expired', { exp: now - 120 }, {}],
    ['that never expires', { exp: undefined }, {}],
    ['without the time of its issue', { iat: undefined }, {}],
    ['whose time of issue is no number', { iat: 'now' }, {}],
    ['without an id', { jti: undefined }, {}],
    ['whose id is empty', { jti: '' }, {}],
    ['with a nonce, which an ID token has', { nonce: 'n' }, {}],
    ['with a nonce that is null', { nonce: null }, {}],
    ['without events', { events: undefined }, {}],
    ['that tells of something else', { events: { 'urn:something': {} } }, {}],
    ['whose event is no object', { events: { [event]: true } }, {}],
    ['whose events are a list', { events: [event] }, {}],
    ['without user and session', { sub: undefined, sid: undefined }, {}],
    ['whose user is no text', { sub: 7 }, {}],
    ['whose session is no text', { sid: { toString: 'x' } }, {}],
    ['that is an access token', {}, { typ: 'at+jwt' }],
    ['that calls itself unsigned', {}, { alg: 'none' }],
    ['by an algorithm with a shared secret', {}, { alg: 'HS256' }],
    ['with an extension that must be understood', {}, { crit: ['x'], x: 1 }],
    ['by a key that nobody knows', {}, { kid: 'another' }],
  ]
  for (const [name, claims, header] of refused) {
    it(`is refused ${name}`, async () => {
      await assert.rejects(provider.logoutOrder(made(claims, header)), { code: 'INVALID_REQUEST' })
    })
  }

  it('is refused when somebody else signed it, when it was altered, and when it is none', async () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    const forged = token(other, { kid, typ: 'logout+jwt' }, good())
    const [header, , signature] = made().split('.')
    const altered = `${header}.${part({ ...good(), sub: 'user-2' })}.${signature}`
    for (const bad of [forged, altered, '', 'no.token', 'x'.repeat(100_000)]) {
      await assert.rejects(provider.logoutOrder(bad), { code: 'INVALID_REQUEST' })
    }
  })

  it('is refused when it is an ID token', async () => {
    const { idToken } = await logIn(provider)
    await assert.rejects(provider.logoutOrder(idToken ?? ''), { code: 'INVALID_REQUEST' })
  })

  it('cannot be judged, which is not to say that it is bad, while the keys of the provider were never read', async () => {
    const port = await freePort()
    const away = await at.open({
      IDP_BASE_URL: `http://127.0.0.1:${port}`,
      AUTH_CLIENT_ID: clientId,
      AUTH_CLIENT_SECRET: 'secret',
    })
    await assert.rejects(away.logoutOrder(made()), { code: 'IDP_UNAVAILABLE' })
    idp.intercept = (_, endpoint) => (endpoint === 'jwks' ? 503 : undefined)
    try {
      const blind = await at.open({
        IDP_BASE_URL: idp.issuer,
        AUTH_CLIENT_ID: clientId,
        AUTH_CLIENT_SECRET: 'secret',
      })
      await assert.rejects(blind.logoutOrder(made()), { code: 'IDP_UNAVAILABLE' })
      const failures = async () =>
        (await blind.metrics.registry.getSingleMetric('jwks_refresh_failures_total')?.get())?.values[0]?.value ?? 0
      await eventually(failures, (count) => count >= 1)
    } finally {
      idp.intercept = undefined
    }
  })
})
