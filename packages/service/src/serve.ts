import { type Connection, connect } from '@rekey/database'
import type { ServiceConfig } from './config/service.ts'
import type { App } from './http/app.ts'
import { type Closable, openParts } from './open-parts.ts'

/** By which an instance reaches its database. */
export interface Connections<Tables> {
  /** For requests. */
  connection: Connection<Tables>
  /** For the lease, the keyrings and the loop: a flood of requests must not cost the lease. */
  control: Connection<Tables>
}

/** An instance that answers requests. `close` ends it, and then its connections. */
export interface Served<Instance> {
  app: App
  instance: Instance
  close(): Promise<void>
}

/**
 * Connects, opens an instance, and listens. It is ready when this resolves; what was opened is closed again when it does not.
 *
 * @param name of the service, as the database shows it
 * @throws DatabaseError, and whatever `open` and `build` throw
 */
export async function serve<Tables, Instance extends Closable>(
  { host, port, databaseUrl }: Pick<ServiceConfig, 'host' | 'port' | 'databaseUrl'>,
  name: string,
  open: (connections: Connections<Tables>) => Promise<Instance>,
  build: (instance: Instance) => Promise<App>,
): Promise<Served<Instance>> {
  return openParts(async (opened) => {
    const connection = opened(connect<Tables>(databaseUrl, { applicationName: name }))
    const control = opened(connect<Tables>(databaseUrl, { max: 4, applicationName: `${name}-control` }))
    const instance = opened(await open({ connection, control }))
    const app = opened(await build(instance))
    await app.listen({ host, port })
    return { app, instance }
  })
}
