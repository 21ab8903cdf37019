import Fastify, { type FastifyInstance } from 'fastify'
import type { Check } from './checker.ts'

/** An API with one route, which wants a good bearer token. A refusal names its cause, as the library calls it. */
export function buildServer(check: Check): FastifyInstance {
  const app = Fastify({ logger: false, forceCloseConnections: true })
  app.get('/hello', async (request, reply) => {
    const [scheme, token] = (request.headers.authorization ?? '').split(' ')
    if (scheme !== 'Bearer' || !token) {
      return reply.code(401).header('www-authenticate', 'Bearer').send({ code: 'token_missing' })
    }
    try {
      await check(token)
      return { hello: 'you' }
    } catch (error) {
      const challenge = 'Bearer error="invalid_token"'
      return reply
        .code(401)
        .header('www-authenticate', challenge)
        .send({ code: codeOf(error) })
    }
  })
  return app
}

/** jose and @rekey/verifier have codes, jsonwebtoken has names, and puts what a key lookup said into its message. */
function codeOf(error: unknown): string {
  const { code, name, message } = error as { code?: string; name?: string; message?: string }
  if (code) return code
  if (name === 'JsonWebTokenError' && message) return message.replace(/ '.*$/, '')
  return name ?? 'Error'
}
