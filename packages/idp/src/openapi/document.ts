import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { App } from '@rekey/service'
import type { RouteOptions } from 'fastify'
import { jsonSchemaTransform } from 'fastify-type-provider-zod'
import { errorSchemas, refusalResponses } from './errors.ts'
import { refusalsOf, requirementsOf, securitySchemes } from './security.ts'

const tags = [
  { name: 'agents', description: 'The clients that get tokens, and their tenants' },
  { name: 'registration', description: 'Clients that register themselves (RFC 7591, RFC 7592)' },
  { name: 'accounts', description: 'Users: those who log in' },
  { name: 'login', description: 'Pages for users: they log in, and consent to what a client asks for' },
  { name: 'credentials', description: 'What agents authenticate by; each is a keyring that rotates' },
  { name: 'tokens', description: 'OAuth 2.0: issue, introspect and revoke' },
  { name: 'audit', description: 'What happened, in a chain that shows every change to it' },
  { name: 'webhooks', description: 'Who is told of events, and what was delivered' },
  { name: 'keyrings', description: 'Signing keys, which of them signs, and the keys of encrypted columns' },
  { name: 'columns', description: 'Encrypted columns: which keys hang on them, and encrypting them anew' },
  { name: 'inventory', description: 'Every secret there is, and when it is due' },
  {
    name: 'incidents',
    description: 'What is done about a compromised key, and tokens that are refused although theirs is good',
  },
  { name: 'trust', description: 'Verifiers: what they hold, and how they are told' },
  { name: 'discovery', description: 'Keys and metadata, for anybody' },
  { name: 'operations', description: 'Health, metrics and the instances' },
]

/** The page is ours alone: nothing of it comes from elsewhere, and nothing may frame it. Swagger UI sets styles by script. */
const contentSecurityPolicy =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'"

/**
 * Describes every route that is registered after this one by its schemas: as JSON at `/api/v1/openapi.json`, as a page to read at
 * `/api/v1/docs`.
 */
export async function documentApi(app: App, issuer: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Rekey identity provider',
        version: '1',
        description: 'Paths below /api/v1 also answer without /api. Times are ISO 8601, durations like 90d, 24h, 30s.',
      },
      servers: [{ url: issuer }],
      tags,
      components: { securitySchemes, schemas: errorSchemas },
    },
    stripBasePath: false,
    transform: describe,
  })
  await app.register(swaggerUi, {
    routePrefix: '/api/v1/docs',
    staticCSP: contentSecurityPolicy,
    // To be read: without the bar at its top, and without buttons that would send requests by a token typed into a page.
    uiConfig: { layout: 'BaseLayout', docExpansion: 'list', supportedSubmitMethods: [], validatorUrl: null },
    theme: { title: 'Rekey API' },
  })
  app.get('/api/v1/openapi.json', { schema: { hide: true } }, async () => app.swagger())
}

type Transform = NonNullable<Parameters<typeof jsonSchemaTransform>[0]> & { route: RouteOptions }

/** The JSON Schema of a route, with what every route of its sort has besides: who may call it, and how it refuses. */
function describe(input: Transform) {
  const { schema: transformed, url } = jsonSchemaTransform(input)
  const { refuses: _codes, ...schema } = transformed ?? { hide: true }
  if (schema.hide || url.startsWith('/api/v1/docs')) return { schema: { hide: true }, url }
  const { onRequest, method } = input.route
  const security = [...(schema.security ?? []), ...requirementsOf(onRequest)]
  const response = {
    ...(schema.response as object | undefined),
    ...refusalResponses({ url, method, schema: input.schema, security, more: refusalsOf(onRequest) }),
  }
  return named({ schema: { ...schema, ...(security.length > 0 ? { security } : {}), response }, url })
}

/** What a wildcard stands for has a name in OpenAPI. */
function named<Schema extends { params?: unknown }>({ schema, url }: { schema: Schema; url: string }) {
  if (!url.endsWith('/*')) return { schema, url }
  const params = JSON.parse(JSON.stringify(schema.params).replaceAll('"*"', '"id"'))
  return { schema: { ...schema, params }, url: url.replace(/\*$/, ':id') }
}
