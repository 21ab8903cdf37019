import { auditSigner, HeldRootKeys } from '@rekey/database'
import { type App, ensureSchema, originOf, serve } from '@rekey/service'
import type { Logger } from 'pino'
import type { Bff } from './bff.ts'
import type { Config } from './config.ts'
import { openBff } from './instance/open.ts'
import { migrations } from './migrations.ts'
import { buildServer } from './server.ts'
import type { BffTables } from './tables.ts'

/** An instance that answers requests. `close` ends it, and then its connections. */
export interface RunningBff {
  app: App
  bff: Bff
  close(): Promise<void>
}

/**
 * Starts an instance: root key, schema, view of the database, HTTP. It is ready when this resolves; what was opened is
 * closed again when it does not.
 *
 * @throws DatabaseError, KeyringError, ServiceError: each says what an operator must do
 */
export async function startBff(config: Config, env: NodeJS.ProcessEnv, log: Logger): Promise<RunningBff> {
  const rootKeys = await HeldRootKeys.open(config.rootKeySource, env)
  const signer = auditSigner(rootKeys, originOf(config.publicUrl))
  await ensureSchema(config, migrations)
  const { app, instance, close } = await serve<BffTables, Bff>(
    config,
    'rekey-bff',
    (connections) => openBff(config, connections, { rootKeys, signer }, log),
    buildServer,
  )
  return { app, bff: instance, close }
}
