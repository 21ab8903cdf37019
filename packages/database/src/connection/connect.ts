import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { asDatabaseError } from './translate.ts'
import { clientConfig } from './url.ts'

/** How to connect. */
export interface ConnectOptions {
  /** Connections at most; 10 by default. */
  max?: number
  /** Shown in `pg_stat_activity`. */
  applicationName?: string
  /**
   * Told of every connection that breaks (the server was restarted), for a log line. A query under way rejects besides;
   * the pool opens another connection when it needs one.
   */
  onConnectionLost?: (error: unknown) => void
}

/** A pool, and Kysely on top of it. */
export interface Connection<Tables> {
  db: Kysely<Tables>
  /** For statements that Kysely is too slow or too narrow for. */
  pool: Pool
  /** Waits for queries under way, then closes every connection. */
  close(): Promise<void>
}

/** The pool of node-postgres. */
export type Pool = pg.Pool

/**
 * Opens a pool; it connects when first used. int8 comes back as a number (not a safe integer: UNSAFE_INTEGER),
 * timestamptz as epoch milliseconds (write it as a Date), date and timestamp as text. Queries throw what `pg` throws:
 * see `asDatabaseError`. Throws INVALID_URL.
 */
export function connect<Tables>(url: string, options: ConnectOptions = {}): Connection<Tables> {
  const { max = 10, applicationName = 'rekey', onConnectionLost = () => undefined } = options
  const pool = new pg.Pool({ ...clientConfig(url, applicationName), max })
  const lost = (error: unknown) => onConnectionLost(asDatabaseError(error))
  // Without a listener Node ends the process. The pool listens to idle connections only and says the same again; one
  // that is checked out, between two statements of a transaction, would be on its own.
  pool.on('connect', (client) => client.on('error', lost))
  pool.on('error', () => undefined)
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  return { db, pool, close: () => db.destroy() }
}

/** Sends a notification through an ordinary connection; made for `openListener`. */
export function notifyThrough(pool: Pool): (channel: string, payload: string) => Promise<void> {
  return async (channel, payload) => {
    await pool.query('SELECT pg_notify($1, $2)', [channel, payload])
  }
}
