import cors from '@fastify/cors'
import type { App } from '@rekey/service'
import type { Bff } from '../bff.ts'

/** Browsers ask anew after so long whether they may call. */
const preflightSeconds = 600

/**
 * Pages of other origins read nothing from here, unless their origin is configured: then they act with the user's session, as
 * pages of this BFF's own do. To be called before routes are registered.
 */
export async function corsRules(app: App, { config }: { config: Pick<Bff['config'], 'cors'> }): Promise<void> {
  if (config.cors.origins.length === 0) return
  await app.register(cors, {
    origin: [...config.cors.origins],
    credentials: true,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: ['retry-after', 'x-correlation-id'],
    maxAge: preflightSeconds,
  })
}
