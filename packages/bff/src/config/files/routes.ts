import { z } from 'zod'
import { upstreamPathOf } from '../../proxy/paths/upstream.ts'
import type { ConfigDocument } from './document.ts'
import type { Mistakes } from './mistakes.ts'
import { routePath, shapeOf } from './path.ts'
import type { Route } from './route.ts'
import { absentParameters, method, routeTargets } from './targets.ts'
import { type Reach, serviceUrl, text, urlMessage, urlOf, yesOrNo } from './values.ts'

/** Where nothing is said. OPTIONS is what the browser asks about other origins, and answered by us. */
const usualMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

/** Answered by the BFF itself. */
const ownPaths = /^\/(auth|internal|healthz|readyz|health|metrics|\.well-known)(\/|$)/

/** RFC 6749 §3.3. */
const scope = z.string().regex(/^[!#-[\]-~]+$/, 'a scope: no spaces, quotes or backslashes')

const route = z.strictObject({
  path: routePath,
  target_service: text,
  upstream_path: z.string().startsWith('/', 'a path that begins with a slash').optional(),
  methods: z
    .union([z.literal('*').transform(() => usualMethods), z.array(method).min(1, 'at least one method')], {
      error: (issue) => (issue.code === 'invalid_union' ? 'a list of methods, or *' : undefined),
    })
    .default(usualMethods),
  auth: z.enum(['session', 'bearer', 'link', 'none']).default('session'),
  scopes: z.array(scope).default([]),
  authz: z.enum(['none', 'pdp']).default('none'),
  authz_map: routeTargets.optional(),
  streaming: yesOrNo.default(false),
  preserve_path: yesOrNo.default(false),
  internal: yesOrNo.default(false),
})

type Given = z.infer<typeof route>

/** What routes.yaml says, in its order; nothing stands for a route that is none. Whatever is wrong with it is told. */
export function routesOf(document: ConfigDocument, reach: Reach, mistakes: Mistakes): (Route | undefined)[] {
  const schema = z.strictObject({
    services: z.record(z.string(), serviceUrl(reach)).default({}),
    routes: z.array(route),
  })
  const given = document.check(schema)
  if (given === undefined) return []
  const refuse = (i: number, field: string, message: string) =>
    mistakes.add(`${document.place(['routes', i, field])}: ${message}`)
  const isTaken = takenPaths()
  return given.routes.map((one, i) => {
    for (const [field, message] of contradictions(one)) refuse(i, field, message)
    const twice = one.methods.filter((name) => isTaken(name, one.path))
    if (twice.length > 0) refuse(i, 'path', `another route has this path for ${twice.join(', ')}`)
    const service = Object.hasOwn(given.services, one.target_service) && given.services[one.target_service]
    const targetService = service || urlOf(one.target_service, reach)
    if (!targetService) refuse(i, 'target_service', `expected a name under services, or ${urlMessage}`)
    if (!targetService) return undefined
    const made = routeOf(one, targetService)
    mistakes.attempt(() => upstreamPathOf(made), document.place(['routes', i, 'upstream_path']))
    return made
  })
}

function* contradictions(given: Given): Iterable<[field: string, message: string]> {
  const { path, upstream_path, preserve_path, auth, authz, authz_map, scopes } = given
  if (ownPaths.test(path)) yield ['path', 'the BFF itself answers there']
  if (preserve_path && upstream_path !== undefined) yield ['upstream_path', 'preserve_path excludes it']
  if (scopes.length > 0 && auth !== 'bearer') yield ['scopes', 'only bearer tokens have scopes that are looked at']
  if (authz === 'pdp' && auth !== 'session' && auth !== 'bearer') {
    yield ['authz', `with auth: ${auth} there is nobody whom a decision could be about`]
  }
  if (authz_map === undefined) return
  if (authz === 'none') yield ['authz_map', 'nobody is asked without authz: pdp']
  const absent = absentParameters(path, authz_map)
  if (absent.length > 0) yield ['authz_map', `the path has no parameter ${absent.join(', ')}`]
}

/** Names of parameters do not tell two paths apart. */
function takenPaths(): (method: string, path: string) => boolean {
  const taken = new Set<string>()
  return (method, path) => {
    const key = `${method} ${shapeOf(path)}`
    const wasTaken = taken.has(key)
    taken.add(key)
    return wasTaken
  }
}

function routeOf(given: Given, targetService: URL): Route {
  return {
    path: given.path,
    targetService,
    upstreamPath: given.upstream_path,
    methods: [...new Set(given.methods)],
    auth: given.auth,
    scopes: given.scopes,
    authz: given.authz,
    authzMap: given.authz_map,
    streaming: given.streaming,
    preservePath: given.preserve_path,
    internal: given.internal,
  }
}
