import { countedGauge } from '@rekey/service'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Config } from '../config.ts'
import type { IdpDatabase } from '../tables.ts'
import { countExpiring } from './count.ts'

/** Counts what expires soon when somebody scrapes. Where there is nothing it says 0, so that an alert about it ends. */
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
    async count() {
      const found = Object.entries(await countExpiring(db, expiry.warningMs))
      return found.map(([environment, value]) => ({ labels: { environment }, value }))
    },
    onError: (error) => log.warn({ err: error }, 'what expires soon could not be counted'),
  })
}
