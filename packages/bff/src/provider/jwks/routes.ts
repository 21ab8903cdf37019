import { createHash } from 'node:crypto'
import type { App } from '@rekey/service'
import { z } from 'zod'
import type { Bff } from '../../bff.ts'

/** For so long a reader may hold the set; whoever finds a kid that is not in it looks again. */
const cacheControl = 'public, max-age=300'

const schema = {
  response: { 200: z.object({ keys: z.array(z.looseObject({ kty: z.string() })) }), 304: z.null() },
}

/** The public keys that this client authenticates by, and those before them that somebody may still sign by (RFC 7517). */
export function jwksRoutes(app: App, { provider }: Pick<Bff, 'provider'>): void {
  app.get('/.well-known/jwks.json', { schema }, async ({ headers }, reply) => {
    const { keys } = (await provider.keys?.published()) ?? { keys: [] }
    const body = JSON.stringify({ keys })
    const etag = `"${createHash('sha256').update(body).digest('base64url')}"`
    reply.headers({ 'cache-control': cacheControl, 'access-control-allow-origin': '*', etag })
    if (headers['if-none-match'] === etag) return reply.code(304).send(null)
    return reply.type('application/json').send({ keys: keys.map((key) => ({ kty: '', ...key })) })
  })
}
