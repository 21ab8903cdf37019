import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { managementScopes } from '../../src/index.ts'
import { type Estate, startEstate, type TestInstance } from '../estate.ts'

interface Operation {
  summary?: string
  tags?: string[]
  security?: Record<string, string[]>[]
  responses: Record<string, object>
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

  test('says of every operation what it does, what it answers and how it refuses', () => {
    for (const { name, summary, tags, responses } of operations()) {
      assert.ok(summary, name)
      assert.equal(tags?.length, 1, name)
      const statuses = Object.keys(responses)
      assert.ok(
        statuses.some((status) => /^2/.test(status)),
        name,
      )
      assert.ok(statuses.includes('503'), name)
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
