/** The secrets of a gateway and their lifecycle, line by line: what whoever runs one does, and what that must cost nobody. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { eventually, proxyFor } from '@rekey/database/testing'
import { type JWTPayload, SignJWT } from 'jose'
import { systemClock } from '../../../src/clock.ts'
import { type Recorder, recorder } from '../../dcr/recorder.ts'
import { Browser } from '../../secrets/browser.ts'
import { callsUnderWay } from '../calls.ts'
import { type At, clientId, Deployment, newSecret } from './deployment.ts'
import { Replica } from './replica.ts'
import { workUnderWay } from './work.ts'

const issuer = 'https://tokens.example'
const audience = 'urn:rekey:api'

describe('the runbook for the secrets of a gateway', { timeout: 120_000 }, () => {
  let d: Deployment
  let wire: Recorder
  let target = ''
  let user: Browser
  /** Its bearer tokens are signed by a shared secret. */
  let byHs256: Replica
  /** Its bearer tokens are the identity provider's; it knows the names of before alone. */
  let byJwks: Replica
  const [first, second, third] = [newSecret(), newSecret(), newSecret()]

  before(async () => {
    wire = await recorder(() => target)
    d = await Deployment.start({ files: filesOf })
    target = d.idp.url
    await d.register()
    giveHs256(first)
    byHs256 = await d.replica({ ...gateway(), ...hs256 })
    byJwks = await d.replica({ ...gateway(), ...jwks() })
    user = await d.logIn()
  })
  after(async () => {
    await d?.end()
    await wire?.close()
  })

  /** The client secret and the secret of cookies, by the names of before. */
  const gateway = () => ({
    ...{ AUTH_CLIENT_SECRET: '', OIDC_CLIENT_SECRET: `file:${d.path('secrets/oidc-client-secret')}` },
    ...{ REKEY_OIDC_BFF_SECRET: '', FLUXLIT_OIDC_BFF_SECRET: `file:${d.path('secrets/session-secret')}` },
    ...{ REKEY_JWT_HS256_SECRET_FILE: '' },
  })
  const hs256Of = { REKEY_JWT_ISSUER: issuer, REKEY_JWT_AUDIENCE: audience, REKEY_JWT_LEEWAY_SECONDS: '5' }
  const hs256 = {
    ...hs256Of,
    get REKEY_JWT_HS256_SECRET_FILE() {
      return d.path('secrets/hs256')
    },
  }
  const jwks = (url = `${wire.url}/.well-known/jwks.json`) => ({
    ...{ FLUXLIT_JWT_ISSUER: d.idp.url, FLUXLIT_JWT_AUDIENCE: audience, FLUXLIT_JWT_LEEWAY_SECONDS: '5' },
    FLUXLIT_JWT_JWKS_URL: url,
  })

  function giveHs256(...secrets: string[]): void {
    writeFileSync(d.path('secrets/hs256'), secrets.join('\n'))
  }

  /** A token by a shared secret, good for a minute. */
  function minted(secret: string, claims: JWTPayload = {}): Promise<string> {
    const usual = { iss: issuer, aud: audience, sub: 'grace', exp: now() + 60 }
    return new SignJWT({ ...usual, ...claims })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .sign(Buffer.from(secret))
  }

  const now = () => Math.floor(systemClock() / 1_000)

  describe('principles', () => {
    test('secrets come when a process starts, in files: its environment has the paths, and nothing that was given', {
      skip: existsSync('/proc/self/environ') ? false : 'SKIPPED: without /proc nobody sees an environment',
    }, () => {
      const environment = readFileSync(`/proc/${byHs256.pid}/environ`, 'utf8')
      assert.ok(environment.includes(d.path('secrets/token-hash-salt')))
      const secrets = ['TOKEN_HASH_SALT', 'CSRF_SECRET_KEY', 'AUTH_CLIENT_SECRET', 'REKEY_BFF_ADMIN_TOKEN'] as const
      for (const name of secrets) for (const secret of d.given(name)) assert.ok(!environment.includes(secret), name)
    })

    test('what is logged of a request is a list of fields: no headers, no cookies, no value of a query, and no token in a path', async () => {
      const token = await minted(first)
      const basic = Buffer.from(`somebody:${newSecret()}`).toString('base64')
      const [key, inQuery, proxy] = [newSecret(), encodeURIComponent(newSecret()), newSecret()]
      const headers = { 'x-api-key': key, 'proxy-authorization': `Bearer ${proxy}`, 'x-correlation-id': 'logged-7' }
      await user.go(`${d.publicUrl}/api/${token}?access_token=${inQuery}`, { headers })
      await user.go(`${d.publicUrl}/bearer/hello`, { headers: { ...headers, authorization: `Basic ${basic}` } })
      await bearerCall(byHs256, token)
      const lines = await eventually(
        () => byHs256.lines.filter(({ msg, correlationId }) => msg === 'request' && correlationId === 'logged-7'),
        ({ length }) => length === 2,
      )
      assert.deepEqual(
        lines.map(({ path }) => path),
        ['/api/<redacted>', '/bearer/hello'],
      )
      const secrets = { token, basic, key, inQuery, proxy, cookie: user.cookie(d.publicUrl, 'bff_session') ?? '' }
      for (const [name, secret] of Object.entries(secrets)) assert.ok(secret && !byHs256.output.includes(secret), name)
    })
  })

  describe('HS256', () => {
    test('several secrets at once: tokens by the one before stay good while those by the new one are good already', async () => {
      const [before, after] = [await minted(first), await minted(second)]
      assert.deepEqual([await bearerCall(byHs256, before), await bearerCall(byHs256, after)], [200, 401])
      giveHs256(second, first)
      await eventually(
        () => bearerCall(byHs256, after),
        (status) => status === 200,
      )
      assert.equal(await bearerCall(byHs256, before), 200)
    })

    test('one secret alone has no overlap: tokens by the one that was swapped are refused, and a new token is good', async () => {
      const before = await minted(first)
      giveHs256(second)
      await eventually(
        () => bearerCall(byHs256, before),
        (status) => status === 401,
      )
      assert.equal(await bearerCall(byHs256, await minted(second)), 200)
    })

    test('secret and URL together, or neither, is an error at the start that names the variables', async () => {
      const refused = async (wrong: Record<string, string>) => {
        const replica = new Replica(await d.envOf({ ...gateway(), ...wrong }))
        assert.equal(await replica.exitCode(), 1)
        assert.match(replica.output, /REKEY_JWT_JWKS_URL|REKEY_JWT_ISSUER/)
      }
      await Promise.all([refused({ ...hs256, ...jwks() }), refused({ ...hs256Of })])
    })

    test('401 for a token that is missing, empty, expired, without exp or invalid; 403 for one without the scope', async () => {
      const bad = [
        undefined,
        '',
        await minted(second, { exp: now() - 60 }),
        await minted(second, { exp: undefined }),
        await minted(third),
      ]
      for (const token of bad) assert.equal(await bearerCall(byHs256, token), 401, token)
      assert.equal(await bearerCall(byHs256, await minted(second, { exp: now() - 2 })), 200, 'LEEWAY_SECONDS')
      const within = await minted(second, { scope: 'reports:read' })
      assert.equal(await bearerCall(byHs256, within, '/bearer/reports'), 200)
      assert.equal(await bearerCall(byHs256, await minted(second), '/bearer/reports'), 403)
    })
  })

  describe('JWKS', () => {
    test('a rotation at the IdP costs no 401, although the keys that are held are older than the new kid', async () => {
      const calls = callsUnderWay([`${byJwks.url}/bearer`], () => d.bearer())
      for (const _ of [1, 2]) {
        const before = await d.bearer()
        await d.rekey('rotate', 'signing-es256', '--watch')
        const after = await d.bearer()
        assert.notEqual(kidOf(before), kidOf(after))
        assert.deepEqual([await bearerCall(byJwks, after), await bearerCall(byJwks, before)], [200, 200])
      }
      const { made, refused } = await calls.end()
      assert.deepEqual(refused, [])
      assert.ok(made > 5)
    })

    test('keys that cannot be had are 503, neither 401 nor 500, and are counted', async () => {
      const apart = await d.replica({ ...gateway(), ...jwks('http://127.0.0.1:1/jwks.json') })
      assert.equal(await bearerCall(apart, await d.bearer()), 503)
      assert.ok(((await apart.metric('jwks_refresh_failures_total'))[''] ?? 0) > 0)
      await apart.stop()
    })
  })

  describe('the client secret, and the gateway’s own', () => {
    const session = (replica: Replica) => d.operate(replica, '/keyrings/session')

    test('OIDC_CLIENT_SECRET and FLUXLIT_OIDC_BFF_SECRET rotate by their files, without a roll: nobody is logged out', async () => {
      const old = (await activeOf(session(byHs256))) ?? ''
      const [oldSecret = ''] = d.given('AUTH_CLIENT_SECRET')
      const made = (await d.rekey('dcr', 'client', 'rotate-secret', clientId, '--overlap', '1h')).trim()
      d.give('AUTH_CLIENT_SECRET', made, oldSecret)
      d.giveAnother('REKEY_OIDC_BFF_SECRET')
      await eventually(
        async () => [await activeOf(session(byHs256)), await activeOf(session(byJwks))],
        ([one, two]) => one === two && one !== old,
      )
      for (const replica of [byHs256, byJwks]) {
        assert.equal((await user.go(`${replica.url}/api/hello`)).status, 200)
        await d.logIn(d.browserAt(replica))
        assert.deepEqual(await replica.metric('bff_client_secret_position'), { '': 0 })
      }
      assert.ok(user.cookie(d.publicUrl, 'bff_session')?.startsWith((await activeOf(session(byHs256))) ?? '-'))
    })

    test('or in variables, by a roll of the replicas: new,old at one while the other has the old one alone, and nobody notices', async (t) => {
      const replicas = [byHs256, byJwks]
      const work = workUnderWay(user, d.publicUrl, replicas)
      t.after(() => work.end())
      const own = [newSecret(), ...d.given('REKEY_OIDC_BFF_SECRET')]
      const made = (await d.rekey('dcr', 'client', 'rotate-secret', clientId, '--overlap', '1h')).trim()
      const given = {
        OIDC_CLIENT_SECRET: [made, ...d.given('AUTH_CLIENT_SECRET')].join(),
        FLUXLIT_OIDC_BFF_SECRET: own.join(),
      }
      const old = await activeOf(session(byHs256))
      await work.roll(replicas, async (replica, index) => {
        const bearer = index === 0 ? { ...hs256Of, REKEY_JWT_HS256_SECRET: `${third},${second}` } : jwks()
        return await d.restarted(replica, { ...gateway(), ...given, ...bearer })
      })
      ;[byHs256, byJwks] = replicas as [Replica, Replica]
      await eventually(
        () => activeOf(session(byHs256)),
        (version) => version !== old,
      )
      const { made: calls, refused } = await work.end()
      assert.deepEqual(refused, [])
      assert.ok(calls > 10)
      for (const secret of [second, third]) assert.equal(await bearerCall(byHs256, await minted(secret)), 200)
      await d.logIn(d.browserAt(byJwks))
    })

    test('one that was stolen is revoked: the sessions that hang on it end, and no others', async () => {
      const hangs = await d.logIn()
      const stolen = (await activeOf(session(byHs256))) ?? ''
      await d.rekey('revoke', 'session', stolen, '--reason', 'backup leaked')
      for (const { url } of [byHs256, byJwks]) assert.equal((await hangs.go(`${url}/api/hello`)).status, 401)
      const begun = await d.logIn()
      assert.equal((await begun.go(`${d.publicUrl}/api/hello`)).status, 200)
    })
  })

  describe('operations', () => {
    let odd: Replica
    let cable: Awaited<ReturnType<typeof proxyFor>>

    before(async () => {
      cable = await proxyFor(d.databaseUrl)
      odd = await d.replica({
        ...gateway(),
        ...hs256,
        DATABASE_URL: cable.url,
        REKEY_TRUSTED_PROXIES: '0.0.0.0/0,::/0',
      })
    })
    after(() => cable?.close())

    test('a correlation id is kept, answered, passed on to the service and the IdP, and in the log, which is JSON', async () => {
      d.service.seen.splice(0)
      const headers = { 'x-correlation-id': 'order-66', authorization: `Bearer ${await minted(second)}` }
      const reply = await fetch(`${byHs256.url}/bearer/hello`, { headers })
      assert.equal(reply.headers.get('x-correlation-id'), 'order-66')
      assert.equal(d.service.seen[0]?.headers['x-correlation-id'], 'order-66')
      const [line] = await eventually(
        () => byHs256.lines.filter(({ msg, correlationId }) => msg === 'request' && correlationId === 'order-66'),
        ({ length }) => length > 0,
      )
      assert.partialDeepStrictEqual(line, { msg: 'request', method: 'GET', path: '/bearer/hello', status: 200 })
    })

    test('HSTS is sent where the effective scheme is https, by the word of a proxy that is trusted, and only there', async () => {
      const hsts = async ({ url }: Replica, headers = {}) =>
        (await fetch(`${url}/healthz`, { headers })).headers.get('strict-transport-security')
      const https = { 'x-forwarded-proto': 'https' }
      assert.match((await hsts(odd, https)) ?? '', /^max-age=\d{7,}/)
      assert.deepEqual([await hsts(odd), await hsts(byHs256, https)], [null, null])
    })

    test('a proxy that is trusted from everywhere is warned about at the start', () => {
      const warned = ({ lines }: Replica) => lines.filter(({ msg }) => msg.startsWith('REKEY_TRUSTED_PROXIES'))
      assert.deepEqual(
        [odd, byHs256].map((replica) => warned(replica).length),
        [1, 0],
      )
    })

    test('a token in an address of an e-mail is good once, for a short time, and stands in no log and at no service', async () => {
      d.service.seen.splice(0)
      const { url } = await d.operate(byHs256, '/links', { path: '/confirm/7', sub: 'guest' })
      const [guest, token] = [new Browser(), new URL(url).searchParams.get('token') ?? '']
      assert.deepEqual([(await guest.go(url)).status, (await guest.go(url)).status], [200, 401])
      assert.deepEqual(
        d.service.seen.map(({ line }) => line),
        ['GET /confirm/7'],
      )
      for (const { output } of [byHs256, byJwks]) assert.ok(token && !output.includes(token))
      const short = await d.operate(byHs256, '/links', { path: '/confirm/8', ttl: '1s' })
      await eventually(systemClock, (time) => time > Date.parse(short.expires_at))
      assert.equal((await guest.go(short.url)).status, 401)
    })

    test('/healthz says that it runs, /readyz whether it may be asked: 503 when its database is away', async () => {
      const statuses = () =>
        Promise.all(['/healthz', '/readyz', '/health'].map(async (path) => (await fetch(odd.url + path)).status))
      assert.deepEqual(await statuses(), [200, 200, 200])
      cable.cut()
      await eventually(statuses, (seen) => seen.join() === '200,503,503')
      cable.mend()
      await eventually(statuses, (seen) => seen.join() === '200,200,200')
    })
  })
})

const activeOf = async (keyring: Promise<{ versions: { id: string; state: string }[] }>) =>
  (await keyring).versions.find(({ state }) => state === 'active')?.id

const kidOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid

async function bearerCall({ url }: Replica, token: string | undefined, path = '/bearer/hello'): Promise<number> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const reply = await fetch(url + path, { headers })
  await reply.body?.cancel()
  return reply.status
}

const filesOf = ({ service }: At) => ({
  'routes.yaml': `
services: { api: "${service}" }
routes:
  - { path: /api/hello, target_service: api, methods: [GET, POST], auth: session }
  - { path: /bearer/hello, target_service: api, methods: [GET], auth: bearer }
  - { path: /bearer/reports, target_service: api, methods: [GET], auth: bearer, scopes: ["reports:read"] }
  - { path: "/confirm/{order}", target_service: api, methods: [GET], auth: link, preserve_path: true }
`,
})
