/** What whoever moves to this backend for frontend finds as it was: files, sessions, routes, metrics, each by its name. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { eventually } from '@rekey/database/testing'
import { systemClock } from '../../../src/clock.ts'
import { type Recorder, recorder } from '../../dcr/recorder.ts'
import type { Browser, Sent } from '../../secrets/browser.ts'
import { type DecisionPoint, startDecisionPoint } from './decision-point.ts'
import { type At, clientId, Deployment } from './deployment.ts'
import { Replica } from './replica.ts'

const scope = 'reports:read'
/** So long that a refresh is due after half of it. */
const tokenLife = '8s'
const secureUrl = 'https://app.example'

describe('whoever moves to the backend for frontend', { timeout: 120_000 }, () => {
  let d: Deployment
  let pdp: DecisionPoint
  let wire: Recorder
  let agent: { clientId: string; clientSecret: string }
  let user: Browser
  let one: Replica
  let two: Replica
  let target = ''

  before(async () => {
    pdp = await startDecisionPoint(({ resource }) => resource.id !== 'secret')
    wire = await recorder(() => target)
    d = await Deployment.start({
      idp: { REKEY_ACCESS_TOKEN_TTL: tokenLife },
      files: (at) => filesOf(at, { wire: wire.url, pdp: pdp.url }),
      bff: {
        REKEY_TRUSTED_PROXIES: '127.0.0.1,::1',
        SESSION_LIFETIME: '3600',
        PDP_SECRET: 'a secret of the decision point',
      },
    })
    target = d.idp.url
    await d.register({ redirect_uris: [`${d.publicUrl}/auth/callback`, `${secureUrl}/auth/callback`] })
    one = await d.replica()
    two = await d.replica()
    const created = await d.json('agent', 'create', 'crawler', '--scope', scope)
    agent = { clientId: created.clientId, clientSecret: created.clientSecret }
    user = await d.logIn()
  })
  after(async () => {
    await d?.end()
    await wire?.close()
    await pdp?.close()
  })

  async function token(): Promise<string> {
    const authorization = `Basic ${Buffer.from(`${agent.clientId}:${agent.clientSecret}`).toString('base64')}`
    const body = new URLSearchParams({ grant_type: 'client_credentials', scope })
    const reply = await fetch(`${d.idp.url}/api/v1/token`, { method: 'POST', headers: { authorization }, body })
    return ((await reply.json()) as { access_token: string }).access_token
  }

  async function byBearer(path: string, bearer?: string) {
    const authorization = `Bearer ${bearer ?? (await token())}`
    const reply = await fetch(one.url + path, { headers: { authorization } })
    return { status: reply.status, text: await reply.text() }
  }

  const byUser = (path: string, sent: Sent = {}) => user.go(d.publicUrl + path, sent)

  async function csrfToken(of = user): Promise<string> {
    return JSON.parse((await of.go(`${d.publicUrl}/auth/session`)).text).csrf_token
  }

  describe('idps.yaml', () => {
    test('picks the issuer by iss and aud, and introspects there by Basic with the client_secret of a variable', async () => {
      wire.taken()
      assert.equal((await byBearer('/bearer/hello')).status, 200)
      const [asked] = wire.taken()
      assert.equal(asked?.line, 'POST /api/v1/token/introspect')
      const [id, secret] = Buffer.from(asked?.bearer ?? '', 'base64')
        .toString()
        .split(':')
      assert.deepEqual([id, secret], [clientId, d.given('AUTH_CLIENT_SECRET')[0]])
      const elsewhere = `${part({ alg: 'none' })}.${part({ iss: 'https://other.example', aud: 'urn:rekey:api' })}.x`
      assert.equal((await byBearer('/bearer/hello', elsewhere)).status, 401)
      assert.deepEqual(wire.taken(), [], 'nobody is asked about a token that is of none of them')
    })

    test('a fault of introspection that passes is no 401, and one that stays is 503', async () => {
      let faults = 1
      wire.meddle(async () => (faults-- > 0 ? { status: 503, body: {} } : undefined))
      assert.equal((await byBearer('/bearer/hello')).status, 200)
      wire.meddle(async () => ({ status: 503, body: {} }))
      assert.equal((await byBearer('/bearer/hello')).status, 503)
      wire.meddle()
    })

    test('claims_mapping makes roles and permissions of claims, also of those divided by spaces', async () => {
      pdp.asked.splice(0)
      assert.equal((await byBearer('/bearer/reports/7')).status, 200)
      const [question] = pdp.asked.flatMap(({ questions }) => questions)
      assert.partialDeepStrictEqual(question, {
        subject: { properties: { roles: [agent.clientId], permissions: [scope] } },
      })
    })
  })

  describe('pdp.yaml', () => {
    test('endpoint_map turns path and method into resource, action, id and props, and asks the evaluation endpoint', async () => {
      pdp.asked.splice(0)
      assert.equal((await byBearer('/bearer/reports/8')).status, 200)
      const [{ path, authorization, questions: [question] = [] } = assert.fail('nobody asked')] = pdp.asked
      assert.equal(path, '/access/v1/evaluation')
      assert.match(authorization ?? '', /^Basic /)
      assert.partialDeepStrictEqual(question, {
        subject: { type: 'user', id: agent.clientId },
        resource: { type: 'report', id: '8', properties: { channel: 'web' } },
        action: { name: 'read' },
      })
    })

    test('several questions go to the batch endpoint at once, and all have to be allowed', async () => {
      pdp.asked.splice(0)
      assert.equal((await byUser('/api/orders/7')).status, 200)
      assert.equal((await byUser('/api/orders/secret')).status, 403)
      assert.deepEqual([...new Set(pdp.asked.map(({ path }) => path))], ['/access/v1/evaluations'])
      assert.deepEqual(
        pdp.asked[0]?.questions.map(({ resource, action }) => `${action.name} ${resource.type} ${resource.id}`),
        ['read order 7', 'append ledger *'],
      )
    })

    test('what was allowed and what was denied is remembered, each for its ttl', async () => {
      for (const [id, status] of [
        ['9', 200],
        ['secret', 403],
      ] as const) {
        const bearer = await token()
        pdp.asked.splice(0)
        for (const _ of [1, 2, 3]) assert.equal((await byBearer(`/bearer/reports/${id}`, bearer)).status, status)
        assert.equal(pdp.asked.length, 1)
      }
    })

    test('a decision point that fails is tried again, then left alone for a while, and nothing is allowed meanwhile', async () => {
      pdp.isBroken = true
      pdp.asked.splice(0)
      assert.equal((await byBearer('/bearer/reports/10')).status, 503)
      assert.equal(pdp.asked.length, 2, 'retry')
      await eventually(
        async () => {
          pdp.asked.splice(0)
          const { status } = await byBearer('/bearer/reports/10')
          return [status, pdp.asked.length]
        },
        ([status, asked]) => status === 503 && asked === 0,
      )
      pdp.isBroken = false
      await eventually(
        () => byBearer('/bearer/reports/10'),
        ({ status }) => status === 200,
      )
    })
  })

  describe('routes.yaml', () => {
    test('a session’s request goes on with the access token, to upstream_path; the browser never sees the token', async () => {
      d.service.seen.splice(0)
      const { status, text, headers } = await byUser('/api/hello?page=2')
      assert.equal(status, 200)
      const [seen] = d.service.seen
      assert.equal(seen?.line, 'GET /v2/hello?page=2')
      const accessToken = seen?.headers.authorization?.replace('Bearer ', '') ?? ''
      assert.ok(accessToken.length > 20)
      assert.ok(![text, ...[...headers].flat(), ...user.cookieValues].join().includes(accessToken))
    })

    test('preserve_path keeps the path; methods that are not listed are 405', async () => {
      d.service.seen.splice(0)
      assert.equal((await byUser('/public/deep/page')).status, 200)
      assert.equal(d.service.seen[0]?.line, 'GET /public/deep/page')
      const { status, headers } = await byUser('/public/deep/page', { method: 'DELETE' })
      assert.deepEqual([status, headers.get('allow')], [405, 'GET, HEAD'])
    })

    test('streaming passes on what the service says as it says it', async () => {
      const reply = await fetch(`${one.url}/events/all`)
      const reader = (reply.body as ReadableStream<Uint8Array>).getReader()
      const first = await reader.read()
      assert.equal(Buffer.from(first.value ?? []).toString(), 'data: 1\n\n')
      await reader.cancel()
    })

    test('internal is for processes of this machine: whoever comes by a proxy finds nothing there', async () => {
      assert.equal((await fetch(`${one.url}/debug/state`)).status, 200)
      const headers = { 'x-forwarded-for': '198.51.100.7' }
      assert.equal((await fetch(`${one.url}/debug/state`, { headers })).status, 404)
    })

    test('nobody is told "Not authenticated" by 401, and somebody who may not by 403', async () => {
      for (const path of ['/api/hello', '/bearer/hello', '/auth/session']) {
        const reply = await fetch(one.url + path)
        const { detail } = (await reply.json()) as { detail: string }
        assert.deepEqual([reply.status, detail], [401, 'Not authenticated'])
      }
      const { status, text } = await byUser('/api/orders/secret')
      assert.deepEqual([status, JSON.parse(text).code], [403, 'FORBIDDEN'])
    })

    test('a mistake in any of the three files stops the start, and is told with file, line and field, all of them at once', async () => {
      mkdirSync(d.path('mistaken'))
      writeFileSync(
        d.path('mistaken/routes.yaml'),
        'routes:\n  - path: /api\n    target_service: none\n    auth: sesion\n',
      )
      writeFileSync(d.path('mistaken/pdp.yaml'), 'connection:\n  timeout: 1\n')
      writeFileSync(d.path('mistaken/idps.yaml'), 'idps:\n  - name: x\n    issuer: $' + '{NOT_SET}\n    audience: y\n')
      const replica = new Replica(await d.envOf({ BFF_CONFIG_DIR: d.path('mistaken') }))
      assert.equal(await replica.exitCode(), 1)
      for (const told of [/routes\.yaml:4\b.*auth/, /pdp\.yaml:\d.*base_url/, /idps\.yaml:3\b.*NOT_SET/]) {
        assert.match(replica.output.replaceAll('\\n', '\n'), told)
      }
    })
  })

  describe('a session', () => {
    test('is the cookie bff_session: HttpOnly, SameSite=Lax; and __Host-bff_session, Secure, where the address is https', async () => {
      assert.match(
        await cookieOf(d.publicUrl, one),
        /^bff_session=[^;]+; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax$/,
      )
      const more = { REKEY_BFF_URL: secureUrl, MS_BFF_TOKEN_AUTH_METHOD: 'client_secret_post', IDP_BASE_URL: wire.url }
      const secure = await d.replica(more)
      wire.taken()
      assert.match(
        await cookieOf(secureUrl, secure),
        /^__Host-bff_session=[^;]+; Max-Age=\d+; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
      )
      await secure.stop()
    })

    /** What a login sets. */
    async function cookieOf(publicUrl: string, replica: Replica): Promise<string> {
      const proxy = { 'x-forwarded-proto': new URL(publicUrl).protocol.slice(0, -1) }
      const browser = d.browserAt(replica, proxy, publicUrl)
      await d.finish(browser, await browser.go(`${publicUrl}/auth/login?return_to=/api/hello`))
      return browser.setCookies.findLast((line) => /bff_session=./.test(line)) ?? ''
    }

    test('MS_BFF_TOKEN_AUTH_METHOD=client_secret_post has the secret in the form, where client_secret_basic has it in a header', async () => {
      const [posted] = wire
        .taken()
        .filter(({ line, sent }) => line.startsWith('POST') && String(sent).includes('code='))
      assert.equal(posted?.bearer, undefined)
      assert.ok(new URLSearchParams(posted?.sent).get('client_secret'))
    })

    test('is bound to the network, IPv4 /24 or IPv6 /48, and to the browser', async () => {
      for (const { at, near, far } of [
        { at: '198.51.100.7', near: '198.51.100.99', far: '198.51.101.7' },
        { at: '2001:db8:1:1::7', near: '2001:db8:1:ffff::1', far: '2001:db8:2:1::7' },
      ]) {
        const browser = await d.logIn(d.browserAt(one, { 'x-forwarded-for': at }))
        const from = async (address: string, more = {}) => {
          const headers = { 'x-forwarded-for': address, ...more }
          return (await browser.go(`${d.publicUrl}/api/hello`, { headers })).status
        }
        assert.equal(await from(near), 200)
        assert.equal(await from(far), 401)
        assert.equal(await from(at, { 'user-agent': 'another one' }), 401)
        assert.equal(await from(at), 200, 'and goes on for its owner')
      }
      const failures = await one.metric('bff_session_binding_failures_total')
      assert.deepEqual(failures, { 'reason="network"': 2, 'reason="user-agent"': 2 })
    })

    test('ends SESSION_LIFETIME after the login', async () => {
      const { expires_at: until } = JSON.parse((await byUser('/auth/session')).text)
      const left = Date.parse(until) - systemClock()
      assert.ok(left <= 3_600_000 && left > 3_000_000, until)
    })

    test('has its access token refreshed ahead of its end, once for all replicas and requests', async () => {
      const browser = await d.logIn()
      const refreshes = async () => {
        const counts = await Promise.all([one, two].map((replica) => replica.metric('bff_token_refresh_success_total')))
        return counts.reduce((sum, count) => sum + (count[''] ?? 0), 0)
      }
      d.service.seen.splice(0)
      const before = await refreshes()
      await eventually(
        async () => {
          const calls = [one, two, one, two].map(({ url }) => browser.go(`${url}/api/hello`))
          for (const { status } of await Promise.all(calls)) assert.equal(status, 200)
          await pause(50)
          return await refreshes()
        },
        (count) => count > before,
      )
      for (const { url } of [one, two]) assert.equal((await browser.go(`${url}/api/hello`)).status, 200)
      const tokens = new Set(d.service.seen.map(({ headers }) => headers.authorization))
      assert.equal(tokens.size, 1 + (await refreshes()) - before)
    })

    test('begins at /auth/login and /auth/callback, is shown by /auth/session and /auth/verify, and ends by /auth/logout', async () => {
      const browser = await d.logIn()
      assert.ok(browser.urls.some((url) => url.startsWith(`${d.publicUrl}/auth/callback?`)))
      const { user: shown } = JSON.parse((await browser.go(`${d.publicUrl}/auth/session`)).text)
      const verified = await browser.go(`${d.publicUrl}/auth/verify`)
      assert.deepEqual([verified.status, verified.headers.get('x-auth-subject')], [200, shown.sub])
      const headers = { 'x-csrf-token': await csrfToken(browser), origin: d.publicUrl, accept: 'application/json' }
      const left = await browser.go(`${d.publicUrl}/auth/logout`, { method: 'POST', headers })
      assert.equal(left.status, 200)
      for (const { url } of [one, two]) assert.equal((await browser.go(`${url}/auth/verify`)).status, 401)
    })
  })

  test('POST, PUT, PATCH and DELETE of a session need X-CSRF-Token: random bytes and a MAC, for this session alone', async () => {
    const tokens = [await csrfToken(), await csrfToken()]
    assert.notEqual(tokens[0], tokens[1])
    const other = await csrfToken(await d.logIn())
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const send = async (token?: string) => {
        const headers = { origin: d.publicUrl, ...(token && { 'x-csrf-token': token }) }
        const { status, text } = await byUser('/api/hello', { method, headers })
        return status === 200 ? status : [status, JSON.parse(text).details.reason]
      }
      assert.deepEqual(await send(), [403, 'missing'])
      assert.deepEqual(await send(other), [403, 'invalid'])
      for (const token of tokens) assert.equal(await send(token), 200)
    }
  })

  test('metrics have the names and labels that dashboards know, and /health says how it is', async () => {
    const labels: Record<string, string[]> = {
      bff_idp_requests_total: ['endpoint', 'status'],
      bff_token_exchange_total: ['grant_type', 'status'],
      bff_token_validation_total: ['token_type', 'status'],
      bff_token_refresh_success_total: [],
      bff_token_refresh_failed_total: [],
      bff_csrf_violations_total: ['reason'],
      bff_session_binding_failures_total: ['reason'],
      bff_authz_requests_total: ['resource', 'action', 'decision'],
      jwks_refresh_failures_total: [],
    }
    for (const [name, expected] of Object.entries(labels)) {
      const [sample] = Object.keys(await one.metric(name))
      const names = [...(sample ?? assert.fail(name)).matchAll(/(\w+)="/g)].map(([, label]) => label)
      assert.deepEqual(names.sort(), expected.sort(), name)
    }
    const health = await fetch(`${one.url}/health`)
    assert.deepEqual([health.status, ((await health.json()) as { status: string }).status], [200, 'ok'])
  })
})

const part = (json: object) => Buffer.from(JSON.stringify(json)).toString('base64url')

const filesOf = ({ idp, service }: At, { wire, pdp }: { wire: string; pdp: string }) => ({
  'routes.yaml': `
services: { api: "${service}" }
routes:
  - { path: /api/hello, target_service: api, upstream_path: /v2/hello, auth: session }
  - path: "/api/orders/{id}"
    target_service: api
    methods: [GET]
    auth: session
    authz: pdp
    authz_map:
      GET:
        - { resource: order, action: read, id_from: "path:id" }
        - { resource: ledger, action: append }
  - { path: /bearer/hello, target_service: api, methods: [GET], auth: bearer }
  - { path: "/bearer/reports/{id}", target_service: api, methods: [GET], auth: bearer, authz: pdp }
  - { path: /public/*, target_service: api, methods: [GET], auth: none, preserve_path: true }
  - { path: /events/*, target_service: api, methods: [GET], auth: none, preserve_path: true, streaming: true }
  - { path: /debug/*, target_service: api, methods: [GET], auth: none, internal: true }
`,
  'idps.yaml': `
idps:
  - name: rekey
    provider: rekey
    issuer: ${idp}
    audience: urn:rekey:api
    introspection_url: ${wire}/api/v1/token/introspect
    client_id: ${clientId}
    client_secret: \${AUTH_CLIENT_SECRET}
    claims_mapping:
      roles: [{ source: client_id, format: space_delimited }]
      permissions: [{ source: scope, format: space_delimited }]
`,
  'pdp.yaml': `
connection: { base_url: "${pdp}", client_id: bff, client_secret: "\${PDP_SECRET}", timeout: 1, verify_ssl: true }
endpoints: { evaluation: /access/v1/evaluation, batch: /access/v1/evaluations }
cache: { ttl_allow: 300, ttl_deny: 60, max_size: 100 }
retry: { attempts: 2, backoff: 10ms }
circuit_breaker: { enabled: true, failures: 2, error_percentage: 1, recovery: 1 }
endpoint_map:
  "/bearer/reports/{id}":
    GET: { resource: report, action: read, id_from: "path:id", props: { channel: web } }
`,
})
