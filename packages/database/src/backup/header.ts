import type { ClientBase } from 'pg'
import { DatabaseError } from '../error.ts'
import { hasBookkeeping, readApplied } from '../migrations/bookkeeping.ts'
import type { BackupHeader, BackupSequence, BackupTable } from './manifest.ts'

/**
 * Tables whose rows no backup has: the bookkeeping of migrations, which a restored database makes itself, and the leases of
 * processes that are long gone then.
 */
const leftOut = ['migrations', 'service_roles', 'service_limits', 'instances']

/** What a database says of itself, in the transaction whose snapshot the backup is. */
export async function readHeader(client: ClientBase, name: string): Promise<BackupHeader> {
  if (!(await hasBookkeeping(client))) {
    throw new DatabaseError(
      'SCHEMA_TOO_OLD',
      `The database of ${name} holds nothing of Rekey's: there is nothing to back up.`,
    )
  }
  const { rows } = await client.query(facts)
  const {
    taken_at: takenAt,
    goes_back_to: goesBackTo,
    epoch,
    n: revision,
    roots: rootKeys,
    roles: serviceRoles,
    chained,
  } = rows[0]
  const tables = await readTables(client)
  return {
    ...{ name, takenAt, goesBackTo, epoch, revision },
    migrations: await readApplied(client),
    ...{ serviceRoles, rootKeys, chained },
    tables,
    sequences: await readSequences(client, tables),
  }
}

const inUtc = (time: string) => `to_char((${time}) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

// An instance brings a restored database up to the journal before it chains the event that says that it was restored.
const restoredAsOf = `
SELECT min((details ->> 'goesBackTo')::timestamptz) FROM audit_events JOIN audit_waiting USING (inserted)
WHERE action = 'database.restored'`

const facts = `
SELECT ${inUtc('taken_at')} AS taken_at, ${inUtc(`least(taken_at, (${restoredAsOf}))`)} AS goes_back_to, epoch, n,
  ARRAY(SELECT id FROM root_keys ORDER BY n DESC) AS roots,
  ARRAY(SELECT role::text FROM service_roles ORDER BY 1) AS roles,
  (SELECT coalesce(max(seq), 0) FROM audit_chain) AS chained
FROM revision, clock_timestamp() AS taken_at`

/** The owner's tables, each after those that it refers to. */
async function readTables(client: ClientBase): Promise<BackupTable[]> {
  const { rows } = await client.query<BackupTable & { refers: string[] }>(ownTables, [leftOut])
  const ordered: BackupTable[] = []
  let left = rows
  while (left.length > 0) {
    const names = new Set(left.map(({ name }) => name))
    const free = left.filter(({ refers }) => !refers.some((other) => names.has(other)))
    // Tables that refer to each other in a circle: none of ours do.
    const next = free.length > 0 ? free : left
    ordered.push(...next.map(({ name, columns }) => ({ name, columns })))
    left = left.filter((table) => !next.includes(table))
  }
  return ordered
}

const ownTables = `
SELECT relname AS name,
  ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute
    WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum) AS columns,
  ARRAY(SELECT DISTINCT other.relname::text FROM pg_catalog.pg_constraint
    JOIN pg_catalog.pg_class AS other ON other.oid = confrelid
    WHERE contype = 'f' AND conrelid = pg_class.oid AND confrelid <> conrelid) AS refers
FROM pg_catalog.pg_class
WHERE relnamespace = current_schema::regnamespace AND relkind = 'r' AND pg_get_userbyid(relowner) = current_user
  AND relname <> ALL ($1)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend
    WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
ORDER BY relname`

/** Sequences know no snapshots: what they say now is not behind any row of it. */
async function readSequences(client: ClientBase, tables: readonly BackupTable[]): Promise<BackupSequence[]> {
  const { rows } = await client.query<{ table: string; column: string; sequence: string }>(ownSequences, [
    tables.map(({ name }) => name),
  ])
  const sequences: BackupSequence[] = []
  for (const { table, column, sequence } of rows) {
    const { rows: said } = await client.query(`SELECT last_value AS value, is_called AS "isCalled" FROM ${sequence}`)
    sequences.push({ table, column, ...said[0] })
  }
  return sequences
}

const ownSequences = `
SELECT relname AS table, attname AS column, pg_get_serial_sequence(quote_ident(relname), attname) AS sequence
FROM pg_catalog.pg_class JOIN pg_catalog.pg_attribute ON attrelid = pg_class.oid
WHERE relnamespace = current_schema::regnamespace AND relname = ANY ($1) AND attnum > 0 AND NOT attisdropped
  AND pg_get_serial_sequence(quote_ident(relname), attname) IS NOT NULL
ORDER BY 1, 2`
