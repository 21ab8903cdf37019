import { setTimeout as delay } from 'node:timers/promises'
import type { App } from '@rekey/service'
import type { FastifyReply } from 'fastify'

/** The proxy waits for its own replies after that, and two seconds after a signal the process ends by itself. */
const landWithinMs = 400

/**
 * When the server closes, Fastify answers 503 to whatever comes from that moment on, `/readyz` among it. Logins and what operators
 * asked for before are still answered. Streams of events are ended at once: browsers open them anew, at another replica.
 */
export function drainOnClose(app: App): void {
  const replies = new Set<FastifyReply>()
  let landed = () => {}

  app.addHook('onRequest', (_request, reply, done) => {
    replies.add(reply)
    reply.raw.once('close', () => {
      replies.delete(reply)
      if (!anyOfOurs(replies)) landed()
    })
    done()
  })

  app.addHook('preClose', async () => {
    for (const reply of replies) if (isEventStream(reply)) reply.raw.end()
    if (!anyOfOurs(replies)) return
    const patience = new AbortController()
    const all = new Promise<void>((resolve) => {
      landed = resolve
    })
    await Promise.race([all, delay(landWithinMs, undefined, { signal: patience.signal })])
    patience.abort()
  })
}

const anyOfOurs = (replies: ReadonlySet<FastifyReply>) =>
  [...replies].some(({ request: { url } }) => /^\/(auth|internal)\//.test(url))

function isEventStream({ raw }: FastifyReply): boolean {
  return raw.headersSent && /^text\/event-stream\b/i.test(String(raw.getHeader('content-type') ?? ''))
}
