import { activeVersion } from '@rekey/keyring'
import { isLoopback } from '../config.ts'
import { IdpError } from '../error.ts'
import type { App } from '../http/app.ts'
import type { Instance } from '../instance.ts'

const states = ['prepared', 'active', 'retiring', 'retired', 'revoked'] as const

/** Health, readiness and metrics. */
export function operationRoutes(app: App, instance: Instance): void {
  const { metrics, view } = instance

  app.get('/healthz', async () => ({ status: 'ok' }))

  app.get('/readyz', async () => {
    instance.requireLease()
    return { status: 'ready', leaseLeftMs: Math.floor(view.leaseLeftMs()) }
  })

  app.get('/metrics', async (request, reply) => {
    // A proxy on this machine calls from loopback as well, for somebody who does not.
    const isForwarded = 'forwarded' in request.headers || 'x-forwarded-for' in request.headers
    if (!isLoopback(request.ip) || isForwarded) throw new IdpError('FORBIDDEN', 'metrics are open on loopback only')
    observe(instance)
    return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics())
  })
}

/** Reads what is only known at the moment of a scrape. */
function observe({ metrics, view, hub, keys, clock }: Instance): void {
  const now = clock()
  metrics.leaseLeft.set(view.leaseLeftMs() / 1_000)
  metrics.feedReaders.set(hub.readers())
  metrics.trustRevision.set(keys().publishedRevision)
  for (const [name, keyring] of keys().keyrings) {
    for (const state of states) {
      const count = keyring.versions.filter((version) => version.state === state).length
      metrics.versions.set({ keyring: name, state }, count)
    }
    metrics.activeAge.set({ keyring: name }, (now - (activeVersion(keyring)?.activatedAt ?? now)) / 1_000)
    metrics.rotationAge.set({ keyring: name }, (now - (keyring.rotation?.requestedAt ?? now)) / 1_000)
  }
}
