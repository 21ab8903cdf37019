import { countedGauge } from '@rekey/service'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { IdpDatabase } from '../tables.ts'

/** What is told of a registered verifier: of its processes together, of which there may be thousands. */
interface Processes {
  verifier: string
  current: number
  behind: number
  lapsed: number
  /** Milliseconds. */
  lag: number
}

const states = ['current', 'behind', 'lapsed'] as const

/**
 * Each process is in one state. One that said goodbye is in none, and neither is one that has not been seen for an hour. Whoever is
 * behind asks without holding the newest trust set; whose lease is over has stopped asking.
 */
export async function processes(db: IdpDatabase): Promise<Processes[]> {
  const { rows } = await sql<Processes>`
    SELECT name AS verifier,
      count(instance) FILTER (WHERE behind_since IS NULL AND lease_until > clock_timestamp())::int AS current,
      count(behind_since)::int AS behind,
      count(instance) FILTER (WHERE behind_since IS NULL AND lease_until <= clock_timestamp())::int AS lapsed,
      coalesce(extract(epoch FROM clock_timestamp() - min(behind_since)) * 1000, 0)::float8 AS lag
    FROM verifiers LEFT JOIN verifier_leases USING (client_id) GROUP BY name`.execute(db)
  return rows
}

/** Counts verifiers when somebody scrapes. Which process it is stands in `rekey status`: a name for each would be no metric. */
export function verifierGauges(registry: Registry, db: IdpDatabase, log: Logger): void {
  const onError = (error: unknown) => log.warn({ err: error }, 'verifiers could not be counted')
  countedGauge({
    ...{ registry, onError, labelNames: ['verifier', 'state'] },
    name: 'rekey_verifiers',
    help: 'Processes that verify, by what they are registered as and whether they hold the newest trust set (current, behind, lapsed)',
    async count() {
      const all = await processes(db)
      return all.flatMap((each) =>
        states.map((state) => ({ labels: { verifier: each.verifier, state }, value: each[state] })),
      )
    },
  })
  countedGauge({
    ...{ registry, onError, labelNames: ['verifier'] },
    name: 'rekey_verifier_lag_seconds',
    help: 'For how long a process that verifies has asked for its lease without holding the newest trust set, of each verifier the longest; 0 while none does',
    async count() {
      return (await processes(db)).map(({ verifier, lag }) => ({ labels: { verifier }, value: lag / 1_000 }))
    },
  })
}
