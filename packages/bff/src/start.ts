import { auditSigner, type Connection, connect, HeldRootKeys } from '@rekey/database'
import { type App, ensureSchema, originOf } from '@rekey/service'
import type { Logger } from 'pino'
import type { Bff } from './bff.ts'
import type { Config } from './config.ts'
import { openBff } from './instance/open.ts'
import { migrations } from './migrations.ts'
import { buildServer } from './server.ts'
import type { BffTables } from './tables.ts'

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
  const connection: Connection<BffTables> = connect(config.databaseUrl, { applicationName: 'rekey-bff' })
  const control: Connection<BffTables> = connect(config.databaseUrl, { max: 4, applicationName: 'rekey-bff-control' })
  const opened: { close(): Promise<unknown> }[] = [connection, control]
  const close = async () => {
    for (const part of opened.splice(0).reverse()) await part.close()
  }
  try {
    const bff = await openBff(config, { connection, control }, { rootKeys, signer }, log)
    opened.push(bff)
    const app = await buildServer(bff)
    opened.push(app)
    await app.listen({ host: config.host, port: config.port })
    return { app, bff, close }
  } catch (error) {
    await close()
    throw error
  }
}
