import { countedGauge } from '@rekey/service'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { IdpDatabase } from '../tables.ts'

type Status = 'pending' | 'dead_letter'

/** Counts what is not delivered when somebody scrapes. Where there is nothing it says 0, so that an alert about it ends. */
export function deliveriesGauge(registry: Registry, db: IdpDatabase, log: Logger): void {
  countedGauge({
    registry,
    name: 'rekey_webhook_deliveries',
    help: 'Deliveries of events that are on their way (pending) or were given up (dead_letter)',
    labelNames: ['status'],
    async count() {
      const { rows } = await sql<{ status: Status; value: number }>`
        SELECT wanted.status, count(delivery_id) AS value FROM unnest('{pending, dead_letter}'::text[]) AS wanted (status)
          LEFT JOIN webhook_deliveries USING (status) GROUP BY 1`.execute(db)
      return rows.map(({ status, value }) => ({ labels: { status }, value }))
    },
    onError: (error) => log.warn({ err: error }, 'deliveries of webhooks could not be counted'),
  })
}
