import type { ClientBase } from 'pg'
import type { AppliedMigration } from './compare.ts'

/** Any constant would do; this one spells "rekey" in ASCII. */
const lockKey = 0x72_65_6b_65_79

// A transaction's lock and not a session's: it also works through a pooler that gives every transaction another server.
export async function takeLock(client: ClientBase): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [lockKey])
}

/**
 * Makes the table of applied migrations, lets the service role use what later migrations make, and makes
 * `limit_service(table, privileges)`. All of it is done again each time; the caller holds the lock.
 */
export async function prepareSchema(client: ClientBase, serviceRole: string): Promise<void> {
  await client.query("SELECT set_config('rekey.service_role', $1, true)", [serviceRole])
  await client.query(bookkeeping)
}

const bookkeeping = `
CREATE TABLE IF NOT EXISTS migrations (
  package text NOT NULL,
  number integer NOT NULL,
  name text NOT NULL,
  breaking boolean NOT NULL,
  checksum text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (package, number)
);

-- The service role, or null where the service works as the owner: that may not be locked out of its own tables.
CREATE OR REPLACE FUNCTION service_role() RETURNS name LANGUAGE sql STABLE AS $$
  SELECT rolname FROM pg_catalog.pg_roles
  WHERE rolname = current_setting('rekey.service_role', true) AND rolname <> current_user
$$;

CREATE OR REPLACE FUNCTION limit_service(target regclass, privileges text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF service_role() IS NULL THEN RETURN; END IF;
  EXECUTE format('REVOKE ALL ON %s FROM %I', target, service_role());
  EXECUTE format('GRANT %s ON %s TO %I', privileges, target, service_role());
END
$$;

DO $$
BEGIN
  IF service_role() IS NULL THEN RETURN; END IF;
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema, service_role());
  EXECUTE format(
    'ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I',
    current_schema, service_role());
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT USAGE, SELECT ON SEQUENCES TO %I',
    current_schema, service_role());
  PERFORM limit_service('migrations', 'SELECT');
END
$$;
`

/** Whether any migration was ever applied here. */
export async function hasBookkeeping(client: ClientBase): Promise<boolean> {
  const found = await client.query("SELECT to_regclass('migrations') IS NOT NULL AS found")
  return found.rows[0].found
}

export async function readApplied(client: ClientBase): Promise<AppliedMigration[]> {
  const found = await client.query('SELECT package, number, name, breaking, checksum FROM migrations')
  return found.rows
}

export async function recordApplied(client: ClientBase, row: AppliedMigration): Promise<void> {
  const values = [row.package, row.number, row.name, row.breaking, row.checksum]
  await client.query(
    'INSERT INTO migrations (package, number, name, breaking, checksum) VALUES ($1, $2, $3, $4, $5)',
    values,
  )
}
