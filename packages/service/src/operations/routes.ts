import type { InstanceView } from '@rekey/database'
import { isLoopback } from '@rekey/secrets'
import type { Registry } from 'prom-client'
import { z } from 'zod'
import { ServiceError } from '../error.ts'
import type { App } from '../http/app.ts'
import { networksOf } from '../http/networks.ts'
import { hasProxyTraces } from '../http/proxies.ts'

const tags = ['operations']
const alive = { tags, summary: 'Is it alive?', response: { 200: z.object({ status: z.literal('ok') }) } }
const ready = {
  tags,
  summary: 'Can it serve?',
  response: { 200: z.object({ status: z.literal('ready'), leaseLeftMs: z.number() }) },
  refuses: ['NO_LEASE'],
}
const prometheus = {
  tags,
  summary: 'Metrics, answered on loopback and to REKEY_METRICS_FROM only',
  response: { 200: { description: 'Prometheus text format', content: { 'text/plain': { schema: z.string() } } } },
  refuses: ['FORBIDDEN'],
}

/** What is told of an instance to those who run it. */
export interface Operated {
  view: Pick<InstanceView, 'leaseLeftMs'>
  registry: Registry
  /** Addresses and networks that may read the metrics, beside this machine itself. */
  metricsFrom?: readonly string[]
  /** @throws ServiceError `NO_LEASE` while it may not act on what it holds */
  requireLease(): void
  /** Sets what is only known at the moment of a scrape. */
  observe(): void
}

/** Health, readiness and metrics: `/healthz`, `/readyz`, `/metrics`. */
export function operationRoutes(app: App, { view, registry, metricsFrom = [], requireLease, observe }: Operated): void {
  const scrapers = networksOf(metricsFrom)
  app.get('/healthz', { schema: alive }, async () => ({ status: 'ok' as const }))

  app.get('/readyz', { schema: ready }, async () => {
    requireLease()
    return { status: 'ready' as const, leaseLeftMs: Math.floor(view.leaseLeftMs()) }
  })

  app.get('/metrics', { schema: prometheus }, async (request, reply) => {
    // A proxy on this machine calls from loopback as well, for somebody who does not.
    if ((!isLoopback(request.ip) && !scrapers.has(request.ip)) || hasProxyTraces(request.headers))
      throw new ServiceError('FORBIDDEN', 'metrics are open on loopback and to REKEY_METRICS_FROM only')
    observe()
    return reply.type(registry.contentType).send(await registry.metrics())
  })
}
