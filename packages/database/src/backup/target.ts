import type { ClientBase } from 'pg'
import { DatabaseError } from '../error.ts'
import { hasBookkeeping } from '../migrations/bookkeeping.ts'

/** What a database is before something is restored into it. */
export interface TargetBefore {
  /** Instances that hold a lease. */
  live: number
  hasRows: boolean
  epoch: number
  /** Events in its audit chain. */
  chained: number
  serviceRoles: readonly string[]
}

const nothing: TargetBefore = { live: 0, hasRows: false, epoch: 0, chained: 0, serviceRoles: [] }

/** @throws DatabaseError `DATABASE_FOREIGN` when something else than a database of Rekey's is there */
export async function readTarget(client: ClientBase, name: string): Promise<TargetBefore> {
  if (await hasBookkeeping(client)) {
    const { rows } = await client.query(isWhole)
    return rows[0].whole ? readWhole(client) : nothing
  }
  const { rows } = await client.query(
    `SELECT count(*) AS count FROM pg_catalog.pg_class WHERE ${own} AND relkind IN ('r', 'p')`,
  )
  if (rows[0].count === 0) return nothing
  throw new DatabaseError(
    'DATABASE_FOREIGN',
    `The database for ${name} holds tables that are not Rekey's: restore into one of its own.`,
    { facts: { database: name } },
  )
}

const own = 'relnamespace = current_schema::regnamespace AND pg_get_userbyid(relowner) = current_user'

// A migration that failed long ago may have left less.
const isWhole = `
SELECT to_regclass('instances') IS NOT NULL AND to_regclass('keyrings') IS NOT NULL
  AND to_regclass('audit_chain') IS NOT NULL AS whole`

async function readWhole(client: ClientBase): Promise<TargetBefore> {
  const { rows } = await client.query(before)
  return rows[0]
}

const before = `
SELECT (SELECT count(*) FROM instances WHERE lease_until > clock_timestamp()) AS live,
  EXISTS (SELECT FROM keyrings) OR EXISTS (SELECT FROM audit_events) AS "hasRows",
  (SELECT epoch FROM revision) AS epoch,
  (SELECT coalesce(max(seq), 0) FROM audit_chain) AS chained,
  ARRAY(SELECT role::text FROM service_roles) AS "serviceRoles"`

/**
 * Drops what the owner has in its schema, and the schema of jobs. Not the schema itself: that may be somebody else's, as public is.
 * From here on until the end of the transaction no instance gets at any of it.
 */
export async function emptySchema(client: ClientBase): Promise<void> {
  await client.query(dropAll)
}

const dropAll = `
DO $$
DECLARE target record;
BEGIN
  FOR target IN SELECT oid::regclass AS name, relkind FROM pg_catalog.pg_class WHERE ${own} AND relkind IN ('r', 'p', 'v', 'm', 'S')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
    -- A column's sequence goes with its column.
    AND NOT (relkind = 'S' AND EXISTS (SELECT FROM pg_catalog.pg_depend
      WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND refobjsubid > 0 AND deptype IN ('a', 'i')))
    ORDER BY relkind <> 'v'
  LOOP
    -- It may have gone with another one.
    IF EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = target.name) THEN
      EXECUTE format('DROP %s %s CASCADE', CASE target.relkind
        WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, target.name);
    END IF;
  END LOOP;
  FOR target IN SELECT oid::regprocedure AS name FROM pg_catalog.pg_proc
    WHERE pronamespace = current_schema::regnamespace AND pg_get_userbyid(proowner) = current_user
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')
  LOOP
    EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', target.name);
  END LOOP;
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'pgboss' AND pg_get_userbyid(nspowner) = current_user) THEN
    DROP SCHEMA pgboss CASCADE;
  END IF;
END
$$`
