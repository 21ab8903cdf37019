import pg, { type ClientBase } from 'pg'

/** Rows are written the same everywhere, whatever a server, a database or a role is set to. */
const settings = `
SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'iso_8601'; SET LOCAL timezone = 'UTC';
SET LOCAL extra_float_digits = 3; SET LOCAL bytea_output = 'hex'; SET LOCAL client_encoding = 'UTF8';
SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0`

/** Begins a transaction in which tables are copied. */
export async function beginCopy(
  client: ClientBase,
  isolation: 'REPEATABLE READ READ ONLY' | 'READ COMMITTED',
): Promise<void> {
  await client.query(`BEGIN ISOLATION LEVEL ${isolation}`)
  await client.query(settings)
}

export const named = (name: string): string => pg.escapeIdentifier(name)

export const listed = (names: readonly string[]): string => names.map(named).join(', ')
