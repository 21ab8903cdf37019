import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { Deadline } from './deadline.ts'
import { asDatabaseError } from './translate.ts'
import { clientConfig } from './url.ts'

/** How to connect. */
export interface ConnectOptions {
  /** Connections at most; 10 by default. */
  max?: number
  /** Shown in `pg_stat_activity`. */
  applicationName?: string
  /**
   * How long a query may take, 5 s by default. When it takes longer its connection is ended and it rejects: UNREACHABLE.
   */
  queryDeadlineMs?: number
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

/** How long PostgreSQL lets a transaction stand between two statements, or a statement wait for a lock. */
const patienceMs = 3000
/** How long the server goes on sending to somebody who confirms nothing. Shorter would end connections in a short outage. */
const unconfirmedMs = 5000
const defaultDeadlineMs = 5000

/** The pool of node-postgres. */
export type Pool = pg.Pool

/**
 * Opens a pool; it connects when first used. int8 comes back as a number (not a safe integer: UNSAFE_INTEGER),
 * timestamptz as epoch milliseconds (write it as a Date), date and timestamp as text. Queries throw what `pg` throws:
 * see `asDatabaseError`. Throws INVALID_URL. Not for statements that take long, such as migrations: a query has a deadline,
 * a wait for a lock ends after 3 s (TRY_AGAIN), and a transaction that stands still for 3 s is ended (UNREACHABLE).
 */
export function connect<Tables>(url: string, options: ConnectOptions = {}): Connection<Tables> {
  const { max = 10, applicationName = 'rekey', onConnectionLost = () => undefined } = options
  const deadline = new Deadline(options.queryDeadlineMs ?? defaultDeadlineMs)
  const Client = deadline.clientClass()
  const pool = new pg.Pool({ ...clientConfig(url, applicationName), max, Client, onConnect: limitPatience })
  deadline.follow(pool)
  const lost = (error: unknown) => onConnectionLost(asDatabaseError(error))
  // Without a listener Node ends the process. The pool listens to idle connections only and says the same again; one
  // that is checked out, between two statements of a transaction, would be on its own.
  pool.on('connect', (client) => client.on('error', lost))
  pool.on('error', () => undefined)
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  return { db, pool, close: () => db.destroy() }
}

// A process that is paused, or cut off, within a transaction must not keep its locks from everybody. Set by a statement:
// PgBouncer refuses these settings in the startup packet.
async function limitPatience(client: pg.ClientBase): Promise<void> {
  await client.query(
    `SET idle_in_transaction_session_timeout = ${patienceMs}; SET lock_timeout = ${patienceMs}; ` +
      `SET tcp_user_timeout = ${unconfirmedMs}`,
  )
}

/** Sends a notification through an ordinary connection; made for `openListener`. */
export function notifyThrough(pool: Pool): (channel: string, payload: string) => Promise<void> {
  return async (channel, payload) => {
    await pool.query('SELECT pg_notify($1, $2)', [channel, payload])
  }
}
