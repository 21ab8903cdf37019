import { type App, operationRoutes as commonRoutes, observeCommon } from '@rekey/service'
import type { Bff } from '../bff.ts'
import { monotonicClock } from '../clock.ts'
import { accessLog } from './access-log.ts'
import { correlate } from './correlation.ts'
import { drainOnClose } from './drain.ts'
import { healthRoute } from './health.ts'
import { sessionGauge } from './session-counts.ts'

/** Health, readiness and metrics, and what is so of every request. To be registered before all others. */
export function operationRoutes(app: App, bff: Bff): void {
  const { view, keyrings, metrics, audit, clock, log, connection, requireLease, waits, config } = bff
  const { registry } = metrics
  correlate(app)
  accessLog(app, log, monotonicClock)
  drainOnClose(app)
  sessionGauge(registry, connection, monotonicClock)
  healthRoute(app, bff)
  const observe = () =>
    observeCommon(metrics, { view, chain: audit.chain, keyrings: keyrings.documents().values(), waits, now: clock() })
  commonRoutes(app, { view, registry, metricsFrom: config.metricsFrom, requireLease, observe })
}
