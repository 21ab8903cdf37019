import { activeVersion } from '@rekey/keyring'
import { z } from 'zod'
import { isLoopback } from '../config/privacy.ts'
import { IdpError } from '../error.ts'
import type { App } from '../http/app.ts'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'

const states = ['prepared', 'active', 'retiring', 'retired', 'revoked'] as const

const tags = ['operations']
const alive = { tags, summary: 'Is it alive?', response: { 200: z.object({ status: z.literal('ok') }) } }
const ready = {
  tags,
  summary: 'Can it serve?',
  response: { 200: z.object({ status: z.literal('ready'), leaseLeftMs: z.number() }) },
  refuses: codes('NO_LEASE'),
}
const prometheus = {
  tags,
  summary: 'Metrics, answered on loopback only',
  response: { 200: { description: 'Prometheus text format', content: { 'text/plain': { schema: z.string() } } } },
  refuses: codes('FORBIDDEN'),
}

/** Health, readiness and metrics. */
export function operationRoutes(app: App, instance: Instance): void {
  const { metrics, view } = instance

  app.get('/healthz', { schema: alive }, async () => ({ status: 'ok' as const }))

  app.get('/readyz', { schema: ready }, async () => {
    instance.requireLease()
    return { status: 'ready' as const, leaseLeftMs: Math.floor(view.leaseLeftMs()) }
  })

  app.get('/metrics', { schema: prometheus }, async (request, reply) => {
    // A proxy on this machine calls from loopback as well, for somebody who does not.
    const isForwarded = 'forwarded' in request.headers || 'x-forwarded-for' in request.headers
    if (!isLoopback(request.ip) || isForwarded) throw new IdpError('FORBIDDEN', 'metrics are open on loopback only')
    observe(instance)
    return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics())
  })
}

/** Reads what is only known at the moment of a scrape. */
function observe({ metrics, view, hub, keys, clock, audit, freeze }: Instance): void {
  const now = clock()
  metrics.leaseLeft.set(view.leaseLeftMs() / 1_000)
  metrics.feedReaders.set(hub.readers())
  metrics.trustRevision.set(keys().publishedRevision)
  metrics.auditIntegrity.set(audit.chain.integrity() ? 1 : 0)
  metrics.auditBrokenSince.set((audit.chain.brokenSince() ?? 0) / 1_000)
  metrics.auditSize.set(audit.chain.size())
  const freezing = freeze.by()
  metrics.frozen.set(freezing.length > 0 ? 1 : 0)
  metrics.frozenSince.reset()
  for (const { incident, since } of freezing) metrics.frozenSince.set({ incident }, since / 1_000)
  const ages = audit.chain.ages()
  metrics.auditWaiting.set(ages.oldestWaiting / 1_000)
  metrics.auditVerifiedAge.set(ages.verified / 1_000)
  metrics.auditKeptAge.set(ages.kept / 1_000)
  for (const [name, keyring] of keys().keyrings) {
    for (const state of states) {
      const count = keyring.versions.filter((version) => version.state === state).length
      metrics.versions.set({ keyring: name, state }, count)
    }
    metrics.activeAge.set({ keyring: name }, (now - (activeVersion(keyring)?.activatedAt ?? now)) / 1_000)
    metrics.rotationAge.set({ keyring: name }, (now - (keyring.rotation?.requestedAt ?? now)) / 1_000)
  }
}
