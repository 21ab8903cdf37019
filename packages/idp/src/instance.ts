/**
 * One running instance of the identity provider: its view of the database, what it holds in memory on that view, and the
 * rotation loop. Everything that answers requests is given one of these.
 */

import type { ColumnCipher, Connection, InstanceView, Jobs, Sealer } from '@rekey/database'
import type { Hands, KeyringStore, Loop } from '@rekey/keyring'
import type { Audit, DeclaredSecrets, Recall, RootKeys, Waits } from '@rekey/service'
import type { Gathered } from './audit/gathered.ts'
import type { Clock } from './clock.ts'
import type { ColumnKeyring } from './columns/open.ts'
import type { ColumnSweeper } from './columns/sweep.ts'
import type { Config } from './config.ts'
import type { Credentials } from './credentials/open.ts'
import type { DeniableClaims } from './denied/memory.ts'
import type { RequestLimits } from './http/limits.ts'
import type { Freeze } from './incidents/freeze/memory.ts'
import type { IncidentRunner } from './incidents/runner.ts'
import type { StoredCounts } from './inventory/counts.ts'
import type { Issuance } from './issuance/store.ts'
import type { Metrics } from './operations/metrics.ts'
import type { OutboundRules } from './outbound/rules.ts'
import type { Looked } from './registration/keys/look.ts'
import type { Profiles } from './registration/profiles.ts'
import type { SigningKeys } from './signing/keys.ts'
import type { IdpTables } from './tables.ts'
import type { UsedAssertions } from './tokens/authentication/used-assertions.ts'
import type { VerifierCredential } from './trust/credential.ts'
import type { TrustHub } from './trust/hub.ts'
import type { Webhooks } from './webhooks/open.ts'

export interface Instance extends Pick<Credentials, 'clients' | 'uses' | 'secrets'> {
  config: Config
  clock: Clock
  /** For what requests need. What the instance itself needs does not queue behind them. */
  connection: Connection<IdpTables>
  store: KeyringStore
  hands: Hands
  view: InstanceView
  loop: Loop
  /** What the loop last found the keyrings to wait for. */
  waits: Waits
  sealer: Sealer
  /** Encrypts and decrypts the columns of `encryptedColumns`. */
  columns: ColumnCipher
  /** By which keys it does so. */
  columnKeys: ColumnKeyring
  columnSweeper: ColumnSweeper
  rootKeys: RootKeys
  /** Secrets that are rotated elsewhere, as a file declares them. */
  declared: DeclaredSecrets
  /** How many secrets there are in tables, for the inventory. */
  storedCounts: StoredCounts
  /** By which cookies of the OpenID provider are signed and known, as it takes them. The same array while they are the same. */
  cookieKeys(): readonly string[]
  verifierCredentials: Recall<VerifierCredential>
  hub: TrustHub
  metrics: Metrics
  limits: RequestLimits
  audit: Audit
  usedAssertions: UsedAssertions
  /** Where refusals become events of the audit. */
  gathered: Gathered
  /** Which incidents freeze administration, as this instance holds it. */
  freeze: Freeze
  /** Carries incidents out, where that is asked for. */
  incidents: IncidentRunner
  /** What clients may register. */
  profiles: Profiles
  /** By these it calls where a client says so. */
  outbound: OutboundRules
  /** Work that outlasts an instance. */
  jobs: Jobs
  webhooks: Webhooks
  /** Looks at the `jwks_uri` of clients that are under way here, by client. */
  keyLooks: Map<string, Promise<Looked>>
  /** The keys as this instance holds them now. */
  keys(): SigningKeys
  /** Is this token on the deny-list as this instance holds it now? */
  denies(claims: DeniableClaims): boolean
  /** The first `iat`, this one or a later one, with which the deny-list as held now lets a client's token pass. In seconds. */
  issuableFrom(iss: string, clientId: string, iat: number): number
  /** Which keyring this instance issues tokens by now. */
  issuance(): Issuance
  /** @throws IdpError `NO_LEASE` while this instance may not act on what it holds */
  requireLease(): void
  /**
   * @param isUrgent work on an incident: what else waits must not keep it out
   * @throws IdpError `OVERLOADED` while too many requests wait for the database
   */
  requireRoom(isUrgent?: boolean): void
  close(): Promise<void>
}
