/** The services behind this BFF, each under the paths that routes.yaml gives it. */
import { type App, ServiceError } from '@rekey/service'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Bff } from '../bff.ts'
import { shapeOf } from '../config/files/path.ts'
import type { Route } from '../config/files/route.ts'
import { type Forwarding, forward } from './forward.ts'
import { type Guards, guardsBefore } from './guards.ts'
import { refuseAmbiguous } from './headers/ambiguous.ts'
import { newInFlight } from './in-flight.ts'
import { isInternal } from './internal.ts'
import { requireAsGuarded } from './paths/alike.ts'
import { requirePlainTarget } from './paths/plain.ts'
import { openUpstreams } from './upstreams.ts'
import { watchStreams } from './watched.ts'

/** Less than a process has for its end. */
const landWithinMs = 1_200

type Proxying = Pick<Bff, 'log'> & { config: Pick<Bff['config'], 'publicUrl' | 'proxy'> }

/**
 * Registers the routes. A path answers the methods that are configured for it, and 405 to every other one.
 *
 * @throws BffError `CONFIG_INVALID`
 */
export function proxyRoutes(app: App, { config, log }: Proxying, given: readonly Route[], guards: Guards): void {
  const routes = answeringHead(given)
  const upstreams = openUpstreams(routes, config.proxy)
  const inFlight = newInFlight()
  const watched = watchStreams(guards.remains, log)
  app.addHook('onClose', () => watched.close())
  // Before connections are closed: whoever was let in gets his reply.
  app.addHook('preClose', async () => {
    await inFlight.landed(landWithinMs)
    await upstreams.close()
  })
  const { maxBodyBytes, timeoutMs } = config.proxy
  const forwarding = {
    upstreams,
    publicHost: new URL(config.publicUrl).host,
    maxBodyBytes,
    inFlight,
    watched,
    timeoutMs,
    log,
    another: guards.another,
  }
  const asGuarded = requireAsGuarded(routes)
  app.register(async (scope) => {
    passBodies(scope)
    addAll(
      scope,
      routes.filter((route) => !guards.asksForBody(route)),
      { ...forwarding, asGuarded },
      guards,
    )
    for (const sharing of Map.groupBy(routes, placeOf).values()) refuseOtherMethods(scope, sharing)
  })
  app.register(async (scope) => {
    readBodies(scope, maxBodyBytes)
    addAll(
      scope,
      routes.filter((route) => guards.asksForBody(route)),
      { ...forwarding, asGuarded },
      guards,
    )
  })
}

interface Adding extends Forwarding {
  asGuarded: ReturnType<typeof requireAsGuarded>
}

function addAll(
  scope: FastifyInstance,
  routes: readonly Route[],
  { asGuarded, ...forwarding }: Adding,
  guards: Guards,
): void {
  scope.addHook('onRequest', refuseAmbiguous)
  scope.addHook('onRequest', requirePlain)
  for (const route of routes) {
    scope.route({
      method: [...route.methods],
      url: route.path,
      exposeHeadRoute: false,
      onRequest: [
        async ({ method, raw }) => asGuarded(route, method, raw.url?.split('?', 1)[0] ?? '/'),
        ...(route.internal ? [requireInternal] : []),
        ...guardsBefore(route, guards),
      ],
      preHandler: route.authz === 'pdp' ? [guards.decision(route)] : [],
      handler: forward(route, forwarding),
    })
  }
}

/** RFC 9110 §9.1: whoever answers GET answers HEAD, unless another route of the path does. */
function answeringHead(routes: readonly Route[]): Route[] {
  const places = new Set(routes.filter(({ methods }) => methods.includes('HEAD')).map(placeOf))
  return routes.map((route) =>
    route.methods.includes('GET') && !places.has(placeOf(route))
      ? { ...route, methods: [...route.methods, 'HEAD'] }
      : route,
  )
}

/** Routes whose paths differ only in the names of their parts are one place to the router. */
const placeOf = ({ path }: Route) => shapeOf(path)

function refuseOtherMethods(scope: FastifyInstance, sharing: readonly Route[]): void {
  const [first] = sharing
  const taken = new Set(sharing.flatMap(({ methods }) => methods))
  const rest = scope.supportedMethods.filter((method) => !taken.has(method))
  if (first === undefined || rest.length === 0) return
  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    const allowed = [
      ...new Set(sharing.filter((route) => !route.internal || isInternal(request)).flatMap(({ methods }) => methods)),
    ]
    if (allowed.length === 0) nothingHere()
    reply.header('allow', allowed.join(', '))
    throw new ServiceError('METHOD_NOT_ALLOWED', `this answers ${allowed.join(', ')}`)
  }
  scope.route({ method: rest, url: first.path, exposeHeadRoute: false, handler })
}

async function requirePlain({ raw }: FastifyRequest): Promise<void> {
  requirePlainTarget(raw.url ?? '')
}

async function requireInternal(request: FastifyRequest): Promise<void> {
  if (!isInternal(request)) nothingHere()
}

function nothingHere(): never {
  throw new ServiceError('NOT_FOUND', 'there is nothing here')
}

/** Bodies stay in the socket until the service takes them. */
function passBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
}

function readBodies(scope: FastifyInstance, bodyLimit: number): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit }, (_request, body, done) => done(null, body))
}
