import { type Kysely, sql } from 'kysely'
import { revisionChannel } from '../changes/record.ts'
import type { DatabaseTables } from '../tables.ts'
import { instanceLeaseMs } from './lease.ts'

/** An instance as the others see it. Times are milliseconds since the epoch by the clock of the database. */
export interface InstanceRow {
  id: string
  address: string
  applied: number
  startedAt: number
  leaseUntil: number
}

/** All instances, the newest revision of the database and its epoch, at one moment of its clock. */
export interface Instances {
  epoch: number
  n: number
  now: number
  rows: InstanceRow[]
}

const until = sql<number>`clock_timestamp() + ${`${instanceLeaseMs} milliseconds`}::interval`

/**
 * Enters an instance as one that has applied nothing: from now on every gate waits for it.
 *
 * @param rootKeys the ids of those that it holds
 */
export async function enter<T extends DatabaseTables>(
  db: Kysely<T>,
  id: string,
  address: string,
  rootKeys: readonly string[] | null = null,
): Promise<void> {
  await sql`
    INSERT INTO instances (id, address, applied, lease_until, root_keys)
    VALUES (${id}, ${address}, 0, ${until}, ${rootKeys}::text[])
    ON CONFLICT (id) DO UPDATE SET applied = 0, lease_until = ${until}, root_keys = EXCLUDED.root_keys`.execute(db)
}

/**
 * Confirms what an instance has applied and prolongs its lease, unless that was over already: others have then stopped
 * waiting for it, and only a new entry makes it count again.
 *
 * @param announce wake those who wait for the confirmation
 * @param rootKeys the ids of those that it holds
 * @returns the newest revision of the database, its epoch and its time, or `undefined` when the lease was over
 */
export async function renew<T extends DatabaseTables>(
  db: Kysely<T>,
  id: string,
  applied: number,
  announce: boolean,
  rootKeys: readonly string[] | null = null,
): Promise<{ epoch: number; n: number; now: number } | undefined> {
  const { rows } = await sql<{ epoch: number; n: number; now: number }>`
    WITH renewed AS (
      UPDATE instances SET applied = ${applied}, lease_until = ${until}, root_keys = ${rootKeys}::text[]
      WHERE id = ${id} AND lease_until > clock_timestamp() RETURNING applied
    ), woken AS (
      SELECT CASE WHEN ${announce}::boolean THEN pg_notify(${revisionChannel}, applied::text) END FROM renewed
    )
    SELECT revision.epoch, revision.n, clock_timestamp() AS now FROM revision, renewed, woken`.execute(db)
  return rows[0]
}

/** An instance that ends cleanly is not waited for. */
export async function leave<T extends DatabaseTables>(db: Kysely<T>, id: string): Promise<void> {
  await sql`DELETE FROM instances WHERE id = ${id}`.execute(db)
}

/** Every instance that was seen lately, by id, the newest revision, and the time of the database at which they were read. */
export async function instanceRows<T extends DatabaseTables>(db: Kysely<T>): Promise<Instances> {
  const { rows } = await sql<Omit<Instances, 'rows'> & { [Column in keyof InstanceRow]: InstanceRow[Column] | null }>`
    SELECT epoch, n, now, id, address, applied, started_at AS "startedAt", lease_until AS "leaseUntil"
    FROM (SELECT epoch, n, clock_timestamp() AS now FROM revision) newest LEFT JOIN instances ON true ORDER BY id`.execute(
    db,
  )
  const [first] = rows
  if (!first) throw new Error('the revision row is missing: the schema was not migrated')
  const { epoch, n, now } = first
  const seen = rows.flatMap(({ epoch: _, n: __, now: ___, ...row }) => (row.id === null ? [] : [row as InstanceRow]))
  return { epoch, n, now, rows: seen }
}

/** Deletes instances that have been gone for an hour by the clock of the database, which must be beyond doubt. */
export async function pruneInstances<T extends DatabaseTables>(db: Kysely<T>): Promise<void> {
  await sql`DELETE FROM instances WHERE lease_until < now() - interval '1 hour'`.execute(db)
}
