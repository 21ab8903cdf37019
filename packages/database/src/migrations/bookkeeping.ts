import type { ClientBase } from 'pg'
import type { AppliedMigration } from './compare.ts'

/** Any constant would do; this one spells "rekey" in ASCII. */
const lockKey = 0x72_65_6b_65_79

// A transaction's lock and not a session's: it also works through a pooler that gives every transaction another server.
export async function takeLock(client: ClientBase): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [lockKey])
}

/**
 * Makes the bookkeeping's tables and `limit_service(table, privileges)`, and lets the service role use every table that
 * there is and will be. All of it is done again each time, because the role may be younger than the tables; the caller
 * holds the lock.
 */
export async function prepareSchema(client: ClientBase, serviceRole: string): Promise<void> {
  await client.query(tables)
  await client.query(functions)
  await client.query(rememberRole, [serviceRole])
  await client.query(grants)
}

const tables = `
CREATE TABLE IF NOT EXISTS migrations (
  package text NOT NULL,
  number integer NOT NULL,
  name text NOT NULL,
  breaking boolean NOT NULL,
  checksum text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (package, number)
);
-- Whoever was named as the service's role. More than one, while a service moves from one to another.
CREATE TABLE IF NOT EXISTS service_roles (role name PRIMARY KEY);
-- The tables on which a service role has less than on the others.
CREATE TABLE IF NOT EXISTS service_limits (target regclass PRIMARY KEY, privileges text NOT NULL);
`

// Not the owner: where the service works as that, limits would lock it out of its own tables.
const rememberRole = `
INSERT INTO service_roles SELECT rolname FROM pg_catalog.pg_roles WHERE rolname = $1 AND rolname <> current_user
ON CONFLICT DO NOTHING
`

const functions = `
CREATE OR REPLACE FUNCTION present_service_roles() RETURNS SETOF name LANGUAGE sql STABLE AS $$
  SELECT role FROM service_roles JOIN pg_catalog.pg_roles ON rolname = role WHERE role <> current_user
$$;

CREATE OR REPLACE FUNCTION service_privileges(service name, target regclass) RETURNS text[] LANGUAGE sql STABLE AS $$
  SELECT coalesce(array_agg(privilege_type ORDER BY privilege_type), '{}')
  FROM pg_catalog.pg_class, aclexplode(relacl) JOIN pg_catalog.pg_roles ON pg_roles.oid = grantee
  WHERE pg_class.oid = target AND rolname = service
$$;

-- Grants write to the catalog, of which each backend has a copy to throw away: only where something is to be changed.
CREATE OR REPLACE FUNCTION widen_service(service name, target regclass, wanted text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF service_privileges(service, target) @> wanted THEN RETURN; END IF;
  EXECUTE format('GRANT %s ON %s TO %I', array_to_string(wanted, ', '), target, service);
END
$$;

CREATE OR REPLACE FUNCTION narrow_service(service name, target regclass, privileges text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE wanted text[] := string_to_array(replace(upper(privileges), ' ', ''), ',');
BEGIN
  IF service_privileges(service, target) = ARRAY(SELECT unnest(wanted) ORDER BY 1) THEN RETURN; END IF;
  EXECUTE format('REVOKE ALL ON %s FROM %I', target, service);
  EXECUTE format('GRANT %s ON %s TO %I', privileges, target, service);
END
$$;

CREATE OR REPLACE FUNCTION limit_service(target regclass, privileges text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO service_limits VALUES (target, privileges)
  ON CONFLICT ON CONSTRAINT service_limits_pkey DO UPDATE SET privileges = EXCLUDED.privileges;
  PERFORM narrow_service(service, target, privileges) FROM present_service_roles() AS service;
END
$$;
`

const grants = `
DELETE FROM service_limits WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = target);
SELECT limit_service(name::regclass, 'SELECT') FROM unnest('{migrations, service_roles, service_limits}'::text[]) AS name;

DO $$
DECLARE service name;
BEGIN
  FOR service IN SELECT present_service_roles() LOOP
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema, service);
    EXECUTE format(
      'ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I',
      current_schema, service);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT USAGE, SELECT ON SEQUENCES TO %I',
      current_schema, service);
    IF EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'pgboss' AND pg_get_userbyid(nspowner) = current_user
      AND NOT has_schema_privilege(service, oid, 'USAGE')) THEN
      EXECUTE format('GRANT USAGE ON SCHEMA pgboss TO %I', service);
    END IF;
    PERFORM narrow_service(service, target, privileges) FROM service_limits;
    -- Only what the owner owns and no extension brought: others' tables in the schema are not ours to open.
    PERFORM widen_service(service, oid::regclass,
      CASE relkind WHEN 'S' THEN '{USAGE, SELECT}' ELSE '{SELECT, INSERT, UPDATE, DELETE}' END::text[])
    FROM pg_catalog.pg_class
    WHERE relnamespace IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname IN (current_schema, 'pgboss'))
      AND relkind IN ('r', 'p', 'v', 'm', 'S') AND pg_get_userbyid(relowner) = current_user
      AND NOT EXISTS (SELECT FROM service_limits WHERE target = pg_class.oid)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend
        WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e');
  END LOOP;
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
