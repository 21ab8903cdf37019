import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { columnGauge } from '../columns/gauge.ts'
import { expiringGauge } from '../expiry/gauge.ts'
import { inventoryMetrics } from '../inventory/metrics.ts'
import type { Own } from '../inventory/own.ts'
import { verifierGauges } from '../trust/gauges.ts'
import { deliveriesGauge } from '../webhooks/gauge.ts'

/** What is counted in the database when somebody scrapes. */
export function databaseGauges(registry: Registry, own: Own, log: Logger): void {
  const { db } = own.connection
  expiringGauge(registry, db, own.config, log)
  columnGauge(registry, db, log)
  verifierGauges(registry, db, log)
  deliveriesGauge(registry, db, log)
  inventoryMetrics(registry, own, log)
}
