/** What an instance is started with. Durations are milliseconds. */
export interface Config {
  /** Where browsers reach this BFF, without a slash at the end. */
  publicUrl: string
  host: string
  port: number
  databaseUrl: string
  /** For LISTEN, where `databaseUrl` leads through a transaction-mode pooler. */
  databaseDirectUrl: string
  /** For migrations, where the service's own role does not own the tables. */
  databaseOwnerUrl: string | undefined
  rootKeySource: string
  /** Where signed checkpoints of the audit are kept outside the database. */
  auditCheckpoints: string | undefined
  /** Addresses and networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. */
  trustedProxies: readonly string[]
  rotateEveryMs: number
  skewMs: number
  rollbackWindowMs: number
  logLevel: string
}
