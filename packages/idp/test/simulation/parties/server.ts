import type { App } from '@rekey/service'
import type { Instance } from '../../../src/instance.ts'
import { publicRoutes } from '../../../src/signing/routes.ts'
import { trustLeaseMs } from '../../../src/trust/events.ts'
import type { TrustHub } from '../../../src/trust/hub.ts'
import type { LeaseBody, Reply, Server } from '../world/network.ts'
import type { SimulatedInstance } from './instance.ts'

const noLease: Reply = { status: 503, body: {} }

type Handler = (request: unknown, reply: unknown) => Promise<unknown>

/** What an instance answers to those who verify, as its routes do. */
export function serverOf(instance: Omit<SimulatedInstance, 'server'>, hub: TrustHub, jwksMaxAgeMs: number): Server {
  const { life, link, view, loop } = instance
  const orUnavailable = (answer: () => Promise<Reply>) => () =>
    (view.held() ? answer() : Promise.resolve(noLease)).catch(() => noLease)
  const jwks = jwksRoute(instance, jwksMaxAgeMs)

  async function lease(body: LeaseBody): Promise<Reply> {
    const { instance: name, epoch, n, library, algorithms, ceilingSeconds = 0 } = body
    const request = {
      clientId: 'api',
      instance: name,
      epoch,
      n,
      library,
      algorithms,
      ceilingMs: ceilingSeconds * 1_000,
    }
    const { granted, ahead, ...newest } = await link.call((db) => db.renewLease(request))
    if (ahead) await link.call((db) => db.beginEpochOnClaim())
    if (granted) loop.poke()
    return { status: 200, body: { ...newest, leaseSeconds: granted ? trustLeaseMs / 1_000 : 0 } }
  }

  return {
    life,
    jwks: () => jwks().catch(() => noLease),
    lease: (body) => orUnavailable(() => lease(body))(),
    goodbye: (name) =>
      orUnavailable(async () => {
        await link.call((db) => db.endLease('api', name))
        loop.poke()
        return { status: 204, body: undefined }
      })(),
    feed: async (reader, lastEventId) => {
      if (!view.held()) return noLease
      const known = await link.call(() => true).catch(() => false)
      if (!known || !view.held()) return noLease
      hub.add(reader, lastEventId)
      return undefined
    },
  }
}

/** The route itself, on a framework that only calls it. */
function jwksRoute(
  { view, keys }: Pick<SimulatedInstance, 'view' | 'keys'>,
  jwksMaxAgeMs: number,
): () => Promise<Reply> {
  const routes = new Map<string, Handler>()
  const get = (path: string, _options: object, handler: Handler) => routes.set(path, handler)
  const app = { get } as unknown as App
  const requireLease = () => {
    if (!view.held()) throw new Error('no lease')
  }
  const config = { issuer: 'http://localhost', jwksMaxAgeMs }
  publicRoutes(app, { config, keys, requireLease } as unknown as Instance)
  const handler = routes.get('/.well-known/jwks.json')
  return async () => {
    const answered: { headers?: Record<string, string>; body?: string } = {}
    const reply = {
      headers: (headers: Record<string, string>) => Object.assign(answered, { headers }) && reply,
      type: () => reply,
      send: (body: string) => Object.assign(answered, { body }),
    }
    await handler?.({ headers: {} }, reply)
    const maxAge = /max-age=(\d+)/.exec(answered.headers?.['cache-control'] ?? '')?.[1]
    return { status: 200, body: { ...JSON.parse(answered.body ?? ''), maxAgeMs: Number(maxAge) * 1_000 } }
  }
}
