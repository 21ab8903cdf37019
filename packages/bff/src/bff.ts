/** One running instance of the backend for frontend. Everything that answers requests is given one of these. */
import type { Connection, InstanceView, Sealer } from '@rekey/database'
import type { Hands, KeyringStore, Loop } from '@rekey/keyring'
import type { Logger } from 'pino'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { HeldKeyrings } from './keyrings/held.ts'
import type { Metrics } from './operations/metrics.ts'
import type { Provider } from './provider/provider.ts'
import type { Sessions } from './sessions/session.ts'
import type { BffTables } from './tables.ts'

export interface Bff {
  config: Config
  clock: Clock
  log: Logger
  fetch: typeof globalThis.fetch
  /** For what requests need. What the instance itself needs does not queue behind them. */
  connection: Connection<BffTables>
  store: KeyringStore
  hands: Hands
  view: InstanceView
  loop: Loop
  sealer: Sealer
  keyrings: HeldKeyrings
  provider: Provider
  sessions: Sessions
  metrics: Metrics
  /** @throws ServiceError `NO_LEASE` while this instance may not act on what it holds */
  requireLease(): void
  close(): Promise<void>
}
