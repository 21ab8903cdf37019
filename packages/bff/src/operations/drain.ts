import { setTimeout as delay } from 'node:timers/promises'
import type { App } from '@rekey/service'
import type { FastifyReply } from 'fastify'

/** Within this the process has to have closed everything else as well: after two seconds it ends by itself. */
const drainWithinMs = 1_200

/**
 * When the server closes, requests that came before are still answered; Fastify answers 503 to every other one from that moment on,
 * `/readyz` among them. Streams of events are ended at once: browsers open them anew, at another replica.
 */
export function drainOnClose(app: App, withinMs = drainWithinMs): void {
  const underWay = new Set<FastifyReply>()
  let emptied = () => {}

  app.addHook('onRequest', (_request, reply, done) => {
    underWay.add(reply)
    reply.raw.once('close', () => {
      underWay.delete(reply)
      if (underWay.size === 0) emptied()
    })
    done()
  })

  app.addHook('preClose', async () => {
    for (const reply of underWay) if (isEventStream(reply)) reply.raw.end()
    if (underWay.size === 0) return
    const patience = new AbortController()
    const empty = new Promise<void>((resolve) => {
      emptied = resolve
    })
    const late = delay(withinMs, undefined, { signal: patience.signal }).catch(() => undefined)
    await Promise.race([empty, late])
    patience.abort()
  })
}

function isEventStream({ raw }: FastifyReply): boolean {
  return raw.headersSent && /^text\/event-stream\b/i.test(String(raw.getHeader('content-type') ?? ''))
}
