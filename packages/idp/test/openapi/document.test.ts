import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { managementScopes } from '../../src/index.ts'
import { agent, basic, type Estate, reader, startEstate, type TestInstance } from '../estate.ts'

interface Operation {
  summary?: string
  tags?: string[]
  security?: Record<string, string[]>[]
  responses: Record<string, { description: string }>
}

describe('the description of the API', { timeout: 30_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let paths: Record<string, Record<string, Operation>>
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    paths = (await idp.call('/api/v1/openapi.json')).body.paths
  })
  after(() => estate.stop())

  const operations = () =>
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, ...operation })),
    )

  test('is valid OpenAPI 3.1', async () => {
    const { body } = await idp.call('/v1/openapi.json')
    const { valid, errors } = await new Validator().validate(body)
    assert.deepEqual([valid, errors ?? []], [true, []])
    assert.equal(body.openapi, '3.1.0')
  })

  test('holds every route that the server answers', () => {
    const routes = routesIn(idp.idp.app.printRoutes({ commonPrefix: false }))
    assert.ok(routes.length > 20)
    const described = new Set(operations().map(({ name }) => name.replaceAll(/\{(\w+|\*)\}/g, '*')))
    const missing = routes.filter((route) => !described.has(route) && !/^GET \/api\/v1\/(docs|openapi)/.test(route))
    assert.deepEqual(missing, [])
  })

  test('says of every operation what it does and what it answers', () => {
    for (const { name, summary, tags, responses } of operations()) {
      assert.ok(summary, name)
      assert.equal(tags?.length, 1, name)
      assert.ok(
        // A page that leads elsewhere answers nothing itself.
        Object.keys(responses).some((status) => /^(2|303)/.test(status)),
        name,
      )
    }
  })

  const told = (method: string, path: string, status: number) =>
    paths[path]?.[method]?.responses[status]?.description ?? ''

  test('says how each operation refuses: the status, and the codes under it', () => {
    const credentials = '/api/v1/agents/{agentId}/credentials'
    const rotate = `${credentials}/{credentialId}/rotate`
    const token = '/api/v1/token'
    for (const [method, path, status, ...codes] of [
      ['get', '/api/v1/agents/{agentId}', 404, 'UNKNOWN_AGENT'],
      ['patch', '/api/v1/agents/{agentId}', 409, 'AGENT_DECOMMISSIONED'],
      ['post', credentials, 404, 'UNKNOWN_AGENT'],
      ['post', credentials, 409, 'AGENT_DECOMMISSIONED', 'TOO_MANY_CREDENTIALS'],
      ['post', credentials, 422, 'IDEMPOTENCY_KEY_REUSED'],
      ['post', credentials, 503, 'VAULT_UNAVAILABLE', 'NO_LEASE', 'OVERLOADED', 'DATABASE_UNAVAILABLE'],
      ['post', rotate, 404, 'UNKNOWN_AGENT', 'UNKNOWN_CREDENTIAL'],
      ['post', rotate, 409, 'CREDENTIAL_CHANGED', 'CREDENTIAL_REVOKED', 'AGENT_DECOMMISSIONED', 'ALREADY_EXISTS'],
      ['post', rotate, 422, 'IDEMPOTENCY_KEY_REUSED'],
      ['post', rotate, 500, 'VAULT_REFUSED'],
      ['post', rotate, 503, 'VAULT_UNAVAILABLE'],
      ['get', `${credentials}/{credentialId}`, 404, 'UNKNOWN_CREDENTIAL'],
      ['post', '/api/v1/keyrings/{name}/rotate', 409, 'ROTATION_UNDER_WAY'],
      ['post', '/api/v1/denied', 409, 'DENY_LIST_FULL'],
      ['post', '/api/v1/agents', 423, 'ADMINISTRATION_FROZEN'],
      ['post', '/api/v1/incidents', 422, 'FALSE_REMEDY'],
      ['post', '/api/v1/incidents/{incident}/claim', 409, 'INCIDENT_CLAIMED'],
      ['get', '/readyz', 503, 'NO_LEASE'],
      ['get', '/metrics', 403, 'FORBIDDEN'],
      ['post', token, 400, 'invalid_request', 'invalid_scope', 'unsupported_grant_type'],
      ['post', token, 401, 'invalid_client'],
      ['post', token, 429, 'rate_limited'],
      ['post', `${token}/revoke`, 403, 'unauthorized_client', 'insufficient_scope'],
    ] as const) {
      const description = told(method, path, status)
      for (const code of codes) assert.ok(description.includes(`\`${code}\``), `${path} ${status} ${code}`)
    }
    assert.equal(told('get', '/healthz', 503), '')
    assert.equal(told('get', '/api/v1/agents', 404), '')
    assert.equal(told('post', '/api/v1/agents/{agentId}/suspend', 423), '')
  })

  test('says what really comes', async () => {
    const nobody = randomUUID()
    const { agentId } = (await idp.manage('POST', '/api/v1/agents', { name: 'described' })).body
    const all = `/api/v1/agents/${agentId}/credentials`
    const { credentialId } = (await idp.manage('POST', all, {})).body
    await idp.manage('DELETE', `${all}/${credentialId}`)
    await idp.manage('POST', '/api/v1/verifiers', { name: 'described' })
    const unallowed = await idp.management(reader)
    const [agent, credential] = ['/api/v1/agents/{agentId}', '/api/v1/agents/{agentId}/credentials/{credentialId}']
    for (const [method, path, called, body, bearer] of [
      ['get', agent, `/api/v1/agents/${nobody}`],
      ['get', agent, `/api/v1/agents/${agentId}`, undefined, unallowed],
      ['get', agent, `/api/v1/agents/${agentId}`, undefined, 'nobody'],
      ['post', '/api/v1/agents', '/api/v1/agents', { scopes: 7 }],
      ['get', credential, `${all}/${nobody}`],
      ['post', `${credential}/rotate`, `${all}/${nobody}/rotate`, {}],
      ['post', `${credential}/rotate`, `${all}/${credentialId}/rotate`, {}],
      ['post', `${agent}/credentials`, `/api/v1/agents/${nobody}/credentials`, {}],
      ['get', '/api/v1/keyrings/{name}', '/api/v1/keyrings/none'],
      ['post', '/api/v1/keyrings/{name}/rollback', '/api/v1/keyrings/signing-es256/rollback'],
      ['post', '/api/v1/keyrings/{name}/revoke', '/api/v1/keyrings/signing-es256/revoke', { id: 'x', reason: 'x' }],
      ['put', '/api/v1/issuance', '/api/v1/issuance', { keyring: 'none' }],
      ['get', '/api/v1/audit/events/{id}', `/api/v1/audit/events/${nobody}`],
      ['post', '/api/v1/verifiers', '/api/v1/verifiers', { name: 'described' }],
      ['delete', '/api/v1/verifiers/{id}', '/api/v1/verifiers/no/one'],
      ['get', '/api/v1/incidents/{incident}', '/api/v1/incidents/none'],
      ['post', '/api/v1/incidents', '/api/v1/incidents', { incident: 'I', kid: 'none', reason: 'x' }],
      ['post', '/api/v1/incidents', '/api/v1/incidents', { incident: 'I', jtis: ['x'], reason: 'x' }],
    ] as [string, string, string, object?, string?][]) {
      const { status, body: refusal } = await idp.manage(method.toUpperCase(), called, body, bearer)
      const description = told(method, path, status)
      assert.ok(status >= 400 && description.includes(`\`${refusal.code}\``), `${called}: ${status} ${refusal.code}`)
    }
  })

  test('says what really comes from the endpoints of OAuth', async () => {
    for (const [path, by, form, status] of [
      ['/api/v1/token', agent, { grant_type: 'client_credentials', scope: 'agents:write' }, 400],
      ['/api/v1/token', agent, {}, 400],
      ['/api/v1/token', { ...agent, clientId: 'nobody' }, { grant_type: 'client_credentials' }, 401],
      ['/api/v1/token/introspect', agent, { token: 'x' }, 403],
      ['/api/v1/token/introspect', agent, { token: 'x'.repeat(20_000) }, 413],
      ['/api/v1/token/revoke', { ...agent, clientId: 'nobody' }, { token: 'x' }, 401],
    ] as const) {
      const init = { method: 'POST', headers: { authorization: basic(by) }, body: new URLSearchParams(form) }
      const reply = await idp.call(path, init)
      assert.equal(reply.status, status)
      assert.ok(told('post', path, status).includes(`\`${reply.body.error}\``), `${path} ${reply.body.error}`)
    }
  })

  test('names the scope that administration needs', () => {
    const management = operations().flatMap(({ security = [] }) => security.flatMap((way) => way.management ?? []))
    assert.ok(management.length > 15)
    for (const scope of management) assert.ok(managementScopes.includes(scope), scope)
    assert.deepEqual(paths['/api/v1/keyrings/{name}/rotate']?.post?.security, [{ management: ['keyrings:write'] }])
  })

  test('gives a name to what a wildcard stands for', () => {
    assert.ok(paths['/api/v1/verifiers/{id}']?.delete)
  })

  test('is a page to read, which loads nothing from elsewhere', async () => {
    const page = await idp.call('/api/v1/docs')
    assert.match(page.headers.get('content-type') ?? '', /text\/html/)
    assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'self'/)
    const links = [...String(page.body).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '')
    assert.ok(links.length > 2)
    for (const link of links) assert.match(link, /^\/api\/v1\/docs\//)
    const script = await idp.call('/api/v1/docs/static/swagger-ui-bundle.js')
    assert.equal(script.status, 200)
  })
})

/** Fastify's tree of routes, a line each: `│   └── /:agentId (GET, HEAD)` is below the line before that is less far right. */
function routesIn(tree: string): string[] {
  const above: string[] = []
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', part = '', methods = ''] = /^(.*)[├└]── (\S+) \(([A-Z, ]+)\)$/.exec(line) ?? []
    const depth = indent.length / 4
    above.splice(depth, above.length, part.replace(/^\*/, '/*'))
    const path = above.join('').replaceAll(/:\w+/g, '*')
    return methods.split(', ').flatMap((method) => (method === '' || method === 'HEAD' ? [] : [`${method} ${path}`]))
  })
}
