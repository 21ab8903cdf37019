import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { newClientKey, startProvider, type TestProvider } from '../../provider.ts'
import { underLoad } from '../load.ts'
import { callback, clientId, logIn, type Setting, setting, type TestOpen } from '../setting.ts'

const days = 86_400_000

describe('the keys of this client', () => {
  let idp: TestProvider
  let at: Setting
  before(async () => {
    idp = await startProvider()
  })
  after(() => idp.close())
  beforeEach(async () => {
    at = await setting()
  })
  afterEach(() => at.close())

  const env = (more: Record<string, string> = {}) => ({
    IDP_BASE_URL: idp.issuer,
    MS_BFF_TOKEN_AUTH_METHOD: 'private_key_jwt',
    BFF_KEYS_DIR: at.folder,
    BFF_KID: 'bff-sig-001',
    DCR_KEY_ALG: 'ES256',
    ...more,
  })
  const kidsOf = async (provider: TestOpen) => (await provider.keys?.published())?.keys.map(({ kid }) => kid)
  const signing = async (provider: TestOpen) => (await provider.keys?.shown())?.signing?.kid

  const load = (providers: readonly TestOpen[]) =>
    underLoad(providers, async (provider) => {
      let { refreshToken } = await logIn(provider)
      return async () => {
        refreshToken = (await provider.refresh(refreshToken ?? '')).refreshToken
        await provider.introspect('any')
      }
    })

  describe('that registers itself', () => {
    it('are made, registered and signed by; a start later changes nothing', async () => {
      const provider = await at.open(env({ DCR_IAT: await idp.initialAccessToken() }))
      assert.equal((await logIn(provider)).claims?.sub, 'user-1')
      const { clientId } = await provider.client()
      const metadata = await idp.clientMetadata(clientId ?? '')
      assert.deepEqual(metadata?.redirect_uris, [callback])
      assert.deepEqual(metadata?.grant_types, ['authorization_code', 'refresh_token', 'client_credentials'])
      assert.equal(metadata?.backchannel_logout_uri, undefined)
      assert.deepEqual(await kidsOf(provider), ['bff-sig-001'])

      const again = await at.open(env())
      assert.equal((await again.client()).clientId, clientId)
      await logIn(again)
      assert.deepEqual(await kidsOf(again), ['bff-sig-001'])
      assert.equal(await signing(again), 'bff-sig-001')
    })

    it('rotate under load with two replicas of one folder, and no request fails', async () => {
      const one = await at.open(env({ DCR_IAT: await idp.initialAccessToken() }))
      const two = await at.open(env())
      const working = load([one, two])
      await working.more()
      await one.keys?.rotate()
      const second = await signing(two)
      assert.match(second ?? '', /^bff-sig-001-\d+-[0-9a-f]{4}$/)
      await working.more()
      at.clock.ahead = 1 * days
      await two.keys?.rotate()
      const third = await signing(one)
      assert.notEqual(third, second)
      await working.more()
      await working.stop()
      assert.deepEqual(await kidsOf(one), ['bff-sig-001', second, third])
      assert.deepEqual((await two.keys?.shown())?.earlier, ['bff-sig-001', second])
      const signedBy = (kid: string | undefined) =>
        at.lines.filter((line) => line.includes('"assertions are signed') && line.includes(`"${kid}"`))
      assert.equal(signedBy(third).length, 2, 'both replicas sign by the newest')
    })

    it('are not replaced while the provider is away, and the one that signs goes on', async () => {
      const provider = await at.open(env({ DCR_IAT: await idp.initialAccessToken() }))
      await logIn(provider)
      try {
        idp.intercept = (_, endpoint) => (endpoint === 'reg' ? 503 : undefined)
        await assert.rejects(provider.keys?.rotate() ?? Promise.resolve(), { code: 'IDP_UNAVAILABLE' })
        idp.intercept = ({ method }, endpoint) => (endpoint === 'reg' && method !== 'GET' ? 503 : undefined)
        await assert.rejects(provider.keys?.rotate() ?? Promise.resolve(), { code: 'IDP_UNAVAILABLE' })
        assert.equal(await signing(provider), 'bff-sig-001')
        await logIn(provider)
      } finally {
        idp.intercept = undefined
      }
    })

    it('serve an instance that starts while the provider is away', async () => {
      const away = await startProvider()
      try {
        const early = { ...env({ IDP_BASE_URL: away.issuer, DCR_IAT: await away.initialAccessToken() }) }
        await away.stop()
        const provider = await at.open(early)
        await assert.rejects(provider.beginLogin(), { code: 'IDP_UNAVAILABLE' })
        await away.start()
        await eventually(
          async () => (await provider.client()).clientId,
          (clientId) => clientId !== undefined,
        )
        await logIn(provider)
        await away.stop()
        const restarted = await at.open(early)
        assert.equal((await restarted.client()).clientId, (await provider.client()).clientId)
        await away.start()
        const begun = () =>
          restarted.beginLogin().then(
            () => 'begun',
            (error) => error.code,
          )
        await eventually(begun, (outcome) => outcome === 'begun')
        await logIn(restarted)
      } finally {
        await away.close()
      }
    })

    it('are asked for by a start without a token and a registration', async () => {
      await assert.rejects(at.open(env()), { code: 'IAT_MISSING' })
    })
  })

  describe('that somebody else registered', () => {
    const byName = (more: Record<string, string> = {}) => env({ AUTH_CLIENT_ID: clientId, ...more })
    const registered = (keys: readonly object[]) =>
      idp.addClient({ clientId, method: 'private_key_jwt', jwks: { keys }, redirectUris: [callback] })
    const publishedBy = async (provider: TestOpen) =>
      ((await provider.keys?.published())?.keys ?? []) as readonly object[]

    it('are made at start, and signed by once the provider has them', async () => {
      const provider = await at.open(byName())
      assert.deepEqual(await kidsOf(provider), ['bff-sig-001'])
      await registered(await publishedBy(provider))
      await logIn(provider)
    })

    it('are published, and wait until the provider accepts them, whoever tells it', async () => {
      const [one, two] = [await at.open(byName()), await at.open(byName())]
      await registered(await publishedBy(one))
      const working = load([one, two])
      await working.more()
      await one.keys?.rotate()
      const waiting = (await two.keys?.shown())?.waiting
      assert.match(waiting ?? '', /^bff-sig-001-/)
      assert.equal(await signing(two), 'bff-sig-001')
      assert.deepEqual(await kidsOf(two), ['bff-sig-001', waiting])
      await working.more()
      await registered(await publishedBy(two))
      await eventually(
        () => signing(two),
        (kid) => kid === waiting,
      )
      await working.more()
      await working.stop()
    })

    it('are told to the provider where it takes key sets', async () => {
      const bodies: string[] = []
      const server = createServer(async (request, response) => {
        const body = await text(request)
        const isAllowed = request.method === 'PUT' && request.headers.authorization === 'Bearer admin-token'
        if (!isAllowed) return response.writeHead(403).end()
        bodies.push(body)
        await registered(JSON.parse(body).keys)
        return response.writeHead(200, { 'content-type': 'application/json' }).end(body)
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      try {
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/clients/bff/jwks`
        const provider = await at.open(byName({ IDP_DCR_URL: url, DCR_ACCESS_TOKEN: 'admin-token' }))
        await registered(await publishedBy(provider))
        const working = load([provider])
        await working.more()
        await provider.keys?.rotate()
        assert.notEqual(await signing(provider), 'bff-sig-001')
        assert.doesNotMatch(bodies.join(), /"d":/)
        await working.more()
        await working.stop()
      } finally {
        server.close()
      }
    })

    it('may be given in a file, whose change takes effect under load', async () => {
      const [first, next] = [newClientKey('first'), newClientKey('unused')]
      await at.write('key.pem', first.pem)
      const given = { ...byName({ BFF_JWT_SIGNING_KEY: at.path('key.pem'), BFF_KID: 'first' }), BFF_KEYS_DIR: '' }
      const provider = await at.open(given)
      await registered([first.jwk])
      const working = load([provider])
      await working.more()
      at.clock.ahead = 61 * days
      await at.write('key.pem', next.pem)
      await eventually(
        () => signing(provider),
        (kid) => kid !== 'first',
      )
      // Old as it is, the one before goes on: the provider does not have the other yet.
      await working.more()
      await registered(await publishedBy(provider))
      await working.more()
      await working.stop()
      assert.deepEqual((await provider.keys?.shown())?.earlier, ['first'])
      await assert.rejects(provider.keys?.rotate() ?? Promise.resolve(), { code: 'GIVEN_ELSEWHERE' })
      assert.doesNotMatch(at.lines.join(), /BEGIN PRIVATE KEY/)
    })

    it('are refused at start when they are none', async () => {
      await assert.rejects(at.open(byName({ BFF_JWT_SIGNING_KEY: '-----BEGIN PRIVATE KEY-----\\nx' })), {
        code: 'CONFIG_INVALID',
      })
      const { BFF_KEYS_DIR: _, ...without } = byName()
      await assert.rejects(at.open(without), { code: 'CONFIG_INVALID' })
    })
  })
})
