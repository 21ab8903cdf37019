import { recordChange, recordEvent } from '@rekey/database'
import { sql, type Transaction } from 'kysely'
import { IdpError } from '../error.ts'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import { type DenyRow, endedMarginMs } from './entry.ts'

/** The topic under which a change of the deny-list is announced to the instances. */
export const deniedTopic = 'denied'

/** Each instance and each verifier holds all of it. */
export const mostDenied = 50_000

/** A row that changed: denied since, or taken back. */
export type DenyChange = DenyRow & { dropped: boolean }

/** Not over yet for any verifier. */
const inForce = sql`ends_at > now() - ${`${endedMarginMs} milliseconds`}::interval`

const columns = sql`kind, value, issued_before AS "issuedBefore", ends_at AS "endsAt"`

/**
 * Denies tokens. Where a subject or a client is denied already, the later moment counts.
 *
 * @returns the revision by which instances and verifiers know of it
 * @throws IdpError `DENY_LIST_FULL`
 */
export function denyTokens(db: IdpDatabase, rows: readonly DenyRow[], actor: string): Promise<number> {
  return db.transaction().execute((transaction) => denyWithin(transaction, rows, actor))
}

/** For whom tokens are denied, where it is not somebody who may deny anything. */
export interface DenyRules {
  /** How long the list may become by this. */
  most?: number
  /** A client that revokes tokens by itself, and how many entries in force may be of it. */
  share?: { of: string; most: number }
  /** An agent is suspended, or an account disabled: `lowerDenial` takes back what this adds. */
  isSuspension?: boolean
  /** The incident that it is done for. */
  incident?: string
}

/**
 * The same in the transaction of another change, near its end: it takes the lock that orders all changes.
 *
 * @throws IdpError `DENY_LIST_FULL`
 */
export async function denyWithin(
  transaction: Transaction<IdpTables>,
  rows: readonly DenyRow[],
  actor: string,
  { most = mostDenied, share, isSuspension = false, incident }: DenyRules = {},
): Promise<number> {
  const revision = await recordChange(transaction, deniedTopic, 'list')
  await sql`
    INSERT INTO denied AS held (kind, value, issued_before, ends_at, revision, denied_by, unsuspended_before)
    SELECT kind, value, to_timestamp(max("issuedBefore") / 1000.0), to_timestamp(max("endsAt") / 1000.0), ${revision},
      ${share?.of ?? null}::text, CASE WHEN ${isSuspension} THEN '-infinity'::timestamptz END
    FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      AS asked (kind text, value text, "issuedBefore" float8, "endsAt" float8)
    GROUP BY kind, value
    ON CONFLICT (kind, value) DO UPDATE SET
      issued_before = CASE WHEN held.dropped THEN EXCLUDED.issued_before
                           ELSE greatest(held.issued_before, EXCLUDED.issued_before) END,
      ends_at = CASE WHEN held.dropped THEN EXCLUDED.ends_at ELSE greatest(held.ends_at, EXCLUDED.ends_at) END,
      unsuspended_before = CASE
        WHEN held.dropped THEN EXCLUDED.unsuspended_before
        WHEN ${isSuspension} THEN coalesce(held.unsuspended_before, held.issued_before)
        WHEN held.unsuspended_before IS NOT NULL THEN greatest(held.unsuspended_before, EXCLUDED.issued_before)
      END,
      denied_by = EXCLUDED.denied_by, revision = EXCLUDED.revision, dropped = false`.execute(transaction)
  await requireRoom(transaction, most, share)
  await setNewest(transaction, revision)
  const details = { entries: rows.length, kinds: countsByKind(rows), revision, incident }
  await recordEvent(transaction, { action: 'denied.added', outcome: 'success', actor, details })
  return revision
}

/**
 * Takes back what the suspension of an agent added, or that an account was disabled, down to this row or to what somebody denied besides, in the transaction
 * of another change.
 *
 * @returns the revision by which instances and verifiers know of it; 0 when it was not denied for more
 */
export async function lowerDenial(
  transaction: Transaction<IdpTables>,
  { kind, value, issuedBefore, endsAt }: DenyRow & { issuedBefore: number },
): Promise<number> {
  const revision = await recordChange(transaction, deniedTopic, 'list')
  const before = sql`greatest(unsuspended_before, to_timestamp(${issuedBefore / 1_000}))`
  const { rows } = await sql`
    UPDATE denied SET issued_before = ${before}, ends_at = ${before} + ${`${endsAt - issuedBefore} milliseconds`}::interval,
      unsuspended_before = NULL, revision = ${revision}
    WHERE kind = ${kind} AND value = ${value} AND NOT dropped AND unsuspended_before IS NOT NULL AND issued_before > ${before}
    RETURNING kind`.execute(transaction)
  if (rows.length === 0) return 0
  await setNewest(transaction, revision)
  return revision
}

/**
 * Takes entries back.
 *
 * @returns how many there were, and the revision by which instances and verifiers know of it; 0 when there were none
 */
export function allowTokens(
  db: IdpDatabase,
  rows: readonly Pick<DenyRow, 'kind' | 'value'>[],
  actor: string,
): Promise<{ dropped: number; revision: number }> {
  return db.transaction().execute(async (transaction) => {
    const revision = await recordChange(transaction, deniedTopic, 'list')
    const { rows: gone } = await sql<{ kind: string }>`
      UPDATE denied SET dropped = true, revision = ${revision}
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS asked (kind text, value text)
      WHERE denied.kind = asked.kind AND denied.value = asked.value AND NOT dropped
      RETURNING denied.kind`.execute(transaction)
    if (gone.length === 0) return { dropped: 0, revision: 0 }
    await setNewest(transaction, revision)
    const details = { entries: gone.length, revision }
    await recordEvent(transaction, { action: 'denied.dropped', outcome: 'success', actor, details })
    return { dropped: gone.length, revision }
  })
}

/** Revision of the last change to the list. */
export async function deniedRevision(db: IdpDatabase): Promise<number> {
  const row = await db.selectFrom('denied_newest').select('revision').executeTakeFirst()
  return row?.revision ?? 0
}

/** What changed after a revision, and the newest revision of the list. From 0 on that is all of it. */
export async function deniedSince(
  db: IdpDatabase,
  after: number,
): Promise<{ revision: number; changes: DenyChange[] }> {
  const revision = await deniedRevision(db)
  if (revision === after) return { revision, changes: [] }
  const { rows: changes } = await sql<DenyChange>`
    SELECT ${columns}, dropped FROM denied
    WHERE revision > ${after} AND ${inForce} ORDER BY kind, value`.execute(db)
  return { revision, changes }
}

/** What is denied now. */
export async function deniedNow(db: IdpDatabase): Promise<DenyRow[]> {
  const { rows } = await sql<DenyRow>`
    SELECT ${columns} FROM denied WHERE NOT dropped AND ${inForce} ORDER BY kind, value`.execute(db)
  return rows
}

/** Deletes what has been over for so long that no clock can disagree about it. */
export async function pruneDenied(db: IdpDatabase): Promise<void> {
  await sql`DELETE FROM denied WHERE ends_at < now() - interval '1 hour'`.execute(db)
}

async function requireRoom(
  transaction: Transaction<IdpTables>,
  most: number,
  share: DenyRules['share'],
): Promise<void> {
  const { rows } = await sql<{ count: number; own: number }>`
    SELECT count(*)::int AS count, (count(*) FILTER (WHERE denied_by = ${share?.of ?? null}))::int AS own
    FROM denied WHERE NOT dropped AND ${inForce}`.execute(transaction)
  const { count = 0, own = 0 } = rows[0] ?? {}
  const by = most < mostDenied ? ' by clients' : ''
  if (count > most) throw new IdpError('DENY_LIST_FULL', `at most ${most} entries can be denied${by} at a time`)
  if (own <= (share?.most ?? 0)) return
  throw new IdpError(
    'DENY_LIST_FULL',
    `at most ${share?.most} entries can be of one client, or of the clients of one organization, at a time`,
  )
}

/**
 * Up to which `iat` the tokens of a client are denied, also those that it will get.
 *
 * @returns milliseconds since the epoch; `null` when they are not
 */
export async function clientDeniedBefore(db: IdpDatabase, clientId: string): Promise<number | null> {
  const row = await db
    .selectFrom('denied')
    .select('issued_before')
    .where('kind', '=', 'client_id')
    .where('value', '=', clientId)
    .where('dropped', '=', false)
    .executeTakeFirst()
  return row?.issued_before ?? null
}

async function setNewest(transaction: Transaction<IdpTables>, revision: number): Promise<void> {
  await sql`UPDATE denied_newest SET revision = ${revision}`.execute(transaction)
}

function countsByKind(rows: readonly DenyRow[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { kind } of rows) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}
