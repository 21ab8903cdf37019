/** Events that the chain does not hold, or not yet. */
import { type Kysely, sql } from 'kysely'
import { type Clock, monotonicClock } from '../../clock.ts'
import type { DatabaseTables } from '../../tables.ts'
import type { Findings } from './findings.ts'

const pageSize = 10_000
const most = Number.MAX_SAFE_INTEGER

/** Rows whose numbers no row can have: who put them there took the constraints away first. Nothing else reads them. */
export async function findStrangeNumbers(db: Kysely<DatabaseTables>, findings: Findings): Promise<void> {
  const { rows } = await sql<{ what: string; eventId: string | null }>`
    SELECT 'a place in the chain' AS what, event_id AS "eventId" FROM audit_chain WHERE seq < 1 OR seq > ${most}::bigint
    UNION ALL SELECT 'an event', id FROM audit_events WHERE inserted < 1 OR inserted > ${most}::bigint
    UNION ALL SELECT 'what waits', NULL FROM audit_waiting WHERE inserted < 0 OR inserted > ${most}::bigint
    UNION ALL SELECT 'a checkpoint', NULL FROM audit_checkpoints WHERE size < 0 OR size > ${most}::bigint
    LIMIT 100`.execute(db)
  for (const { what, eventId } of rows) {
    findings.add('malformed', `${what} has a number that it cannot have`, { eventId: eventId ?? undefined })
  }
}

/** Events that neither stand in the chain nor wait for it: somebody took them out. */
export async function findUnchained(
  db: Kysely<DatabaseTables>,
  findings: Findings,
  { rest, clock = monotonicClock }: { rest?: (workedMs: number) => Promise<void>; clock?: Clock } = {},
): Promise<void> {
  for (let after = 0; ; ) {
    const begun = clock()
    const { rows } = await sql<{ last: number | null; lost: string[] }>`
      WITH page AS (SELECT id, inserted FROM audit_events WHERE inserted > ${after} AND inserted <= ${most}::bigint ORDER BY inserted LIMIT ${pageSize})
      SELECT max(inserted) AS last, coalesce(array_agg(id::text ORDER BY inserted) FILTER (WHERE
        NOT EXISTS (SELECT FROM audit_chain c WHERE c.event_id = id)
        AND NOT EXISTS (SELECT FROM audit_waiting w WHERE w.inserted = page.inserted)), '{}') AS lost
      FROM page`.execute(db)
    for (const eventId of rows[0]?.lost ?? []) {
      findings.add('event-unchained', 'an event neither stands in the chain nor waits for it', { eventId })
    }
    const last = rows[0]?.last ?? null
    if (last === null) return
    after = last
    await rest?.(clock() - begun)
  }
}

/**
 * What waits although it should not: its event is gone or stands in the chain already; or it has waited for long while
 * later ones were chained, or while nothing was. (Many may wait for long, one behind the other, after an upgrade.)
 */
export async function findWaiting(db: Kysely<DatabaseTables>, lateMs: number, findings: Findings): Promise<void> {
  const { rows } = await sql<{ id: string | null; inserted: number; chained: boolean }>`
    WITH head AS (
      SELECT e.inserted FROM audit_chain c JOIN audit_events e ON e.id = c.event_id ORDER BY c.seq DESC LIMIT 1
    ), late AS (SELECT clock_timestamp() - ${lateMs} * interval '1 millisecond' AS moment)
    SELECT e.id, w.inserted, c.seq IS NOT NULL AS chained
    FROM (SELECT * FROM audit_waiting WHERE inserted <= ${most}::bigint ORDER BY inserted LIMIT ${pageSize}) w LEFT JOIN audit_events e USING (inserted) LEFT JOIN audit_chain c ON c.event_id = e.id, late
    WHERE e.id IS NULL OR c.seq IS NOT NULL OR (w.since < moment AND (
      w.inserted < (SELECT inserted FROM head) OR NOT EXISTS (SELECT FROM audit_checkpoints k WHERE k.at > moment)))
    ORDER BY w.inserted LIMIT 100`.execute(db)
  for (const { id, inserted, chained } of rows) {
    if (id === null)
      findings.add('event-removed', `event of insertion ${inserted} is gone; it was waiting for its place`)
    else if (chained) findings.add('event-overdue', 'an event in the chain is waiting for a place', { eventId: id })
    else findings.add('event-overdue', 'an event has no place in the chain after a long time', { eventId: id })
  }
}
