import { countedGauge } from '@rekey/service'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Config } from '../config.ts'
import type { IdpDatabase } from '../tables.ts'
import { countExpired, countExpiring } from './count.ts'
import { type Environment, missedForMs } from './soon.ts'

/** Counts what expires soon, and what expired and left somebody without, when somebody scrapes. Where there is nothing it says 0, so that an alert about it ends. */
export function expiringGauge(
  registry: Registry,
  db: IdpDatabase,
  { expiry }: Pick<Config, 'expiry'>,
  log: Logger,
): void {
  countedGauge({
    registry,
    name: 'agentidp_credentials_expiring_soon_total',
    help: 'Credentials that can be used and expire within REKEY_EXPIRY_WARNING, by what their agents are (production, staging, service_account)',
    labelNames: ['environment'],
    count: async () => seriesOf(await countExpiring(db, expiry.warningMs)),
    onError: (error) => log.warn({ err: error }, 'what expires soon could not be counted'),
  })
  countedGauge({
    registry,
    name: 'rekey_credentials_expired',
    help: 'Credentials that expired within the last 7 days and left their agents with none that can be used',
    labelNames: ['environment'],
    count: async () => seriesOf(await countExpired(db, missedForMs)),
    onError: (error) => log.warn({ err: error }, 'what has expired could not be counted'),
  })
}

const seriesOf = (found: Record<Environment, number>) =>
  Object.entries(found).map(([environment, value]) => ({ labels: { environment }, value }))
