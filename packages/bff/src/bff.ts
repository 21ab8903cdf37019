/** One running instance of the backend for frontend. Everything that answers requests is given one of these. */
import type { Connection, InstanceView, Sealer } from '@rekey/database'
import type { Hands, KeyringStore, Loop } from '@rekey/keyring'
import type { Audit, DeclaredSecrets, RootKeys, Waits } from '@rekey/service'
import type { Logger } from 'pino'
import type { Authz } from './authz/open.ts'
import type { Bearer } from './bearer/open.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { HeldKeyrings } from './keyrings/held.ts'
import type { Metrics } from './operations/metrics.ts'
import type { OpenProvider } from './provider/open.ts'
import type { Sessions } from './sessions/session.ts'
import type { BffTables } from './tables.ts'

/** What an instance is made of. */
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
  /** What the loop last found the keyrings to wait for. */
  waits: Waits
  sealer: Sealer
  rootKeys: RootKeys
  /** Secrets that are rotated elsewhere, as a file declares them. */
  declared: DeclaredSecrets
  audit: Audit
  keyrings: HeldKeyrings
  /** Do the secrets of a keyring come from whoever starts this instance? */
  isGiven(name: string): boolean
  provider: OpenProvider
  sessions: Sessions
  /** Tells whether bearer tokens are good. */
  bearer: Bearer
  /** Asks the policy decision point, where one is configured. */
  authz: Authz | undefined
  metrics: Metrics
  /** @throws ServiceError `NO_LEASE` while this instance may not act on what it holds */
  requireLease(): void
  close(): Promise<void>
}
