import { auditSigner, HeldRootKeys } from '@rekey/database'
import { type App, ensureSchema, originOf, serve } from '@rekey/service'
import type { Logger } from 'pino'
import { columnSources } from './columns/sources.ts'
import type { Config } from './config.ts'
import { openInstance } from './instance/open.ts'
import type { Instance } from './instance.ts'
import { migrations } from './migrations.ts'
import { buildServer } from './server.ts'
import { ensureClients } from './setup/clients.ts'
import type { IdpTables } from './tables.ts'
import { managementScopes } from './tokens/scopes.ts'

/** An instance that answers requests. `close` ends it, and then its connections. */
export interface RunningIdp {
  app: App
  instance: Instance
  close(): Promise<void>
}

/**
 * Starts an instance: root key, schema, view of the database, HTTP. It is ready when this resolves; what was opened is
 * closed again when it does not.
 *
 * @throws DatabaseError, KeyringError, IdpError: each says what an operator must do
 */
export async function startIdp(config: Config, env: NodeJS.ProcessEnv, log: Logger): Promise<RunningIdp> {
  const rootKeys = await HeldRootKeys.open(config.rootKeySource, env)
  const signer = auditSigner(rootKeys, originOf(config.issuer))
  const sources = columnSources(config.columns, env, (error) => log.error({ err: error }, 'the source of column keys'))
  await ensureSchema(config, migrations)
  if (config.administrator) await ensureAdministrator(config, config.administrator, log)
  const { firstAccount } = config.oidc
  if (firstAccount) await ensureClients(config.databaseUrl, { agents: [], verifiers: [], accounts: [firstAccount] })
  return serve<IdpTables, Instance>(
    config,
    'rekey-idp',
    (connections) => openInstance(config, connections, { rootKeys, signer }, sources, log),
    (instance) => buildServer(instance, log),
  )
}

async function ensureAdministrator(
  config: Config,
  administrator: { clientId: string; clientSecret: string },
  log: Logger,
): Promise<void> {
  const agent = { ...administrator, name: 'administrator', scopes: managementScopes }
  const shutOut = await ensureClients(config.databaseUrl, { agents: [agent], verifiers: [] })
  if (shutOut.length === 0) return
  log.warn('REKEY_ADMIN_CLIENT_SECRET lets nobody in: it was replaced or revoked, or its agent is not active')
}
