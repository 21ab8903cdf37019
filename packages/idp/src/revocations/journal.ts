import { recordEvent } from '@rekey/database'
import { sql, type Transaction } from 'kysely'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import { applyRevocations } from './apply.ts'
import { type Holder, onlyHolder } from './holder.ts'
import type { Revocation } from './record.ts'
import { type RowsRead, rowsKept, rowsSince } from './rows.ts'
import type { Segments } from './segments.ts'

/**
 * What was revoked, kept outside the database. A row of `revocations` tells of each time; this copies them out, and after a restore in.
 *
 *   follow     what was committed since it was last looked at is appended: with each change, before the instance confirms it, and
 *              each second for what makes no change
 *   reconcile  at the first look at an epoch, before anything is read from it: what the journal has and the table has not is lost.
 *              It is applied, and its rows are put back, so that other instances, and their journals, have them too
 *
 * Rows and lines are told apart by their ids alone. So it does not matter how a backup came back, how old it is, whose journal
 * knows more, or how often this is done.
 */
export interface RevocationsJournal {
  /** @throws ServiceError `JOURNAL_FAILED` when it cannot be read, or instances of another database write into it */
  reconcile(epoch: number): Promise<void>
  /** What could not be written is so at the next call. */
  follow(): Promise<void>
}

/** A disk that hangs must not cost an instance its lease. */
const writeWithinMs = 1_000
/** So many are named in the audit. */
const mostNamed = 100

/**
 * @param keptMs for as long a backup may be restored
 * @param onError is told when the journal cannot be written: an instance that has something to revoke goes on
 */
export function revocationsJournal(
  db: IdpDatabase,
  segments: Segments,
  keptMs: number,
  onError: (error: unknown) => void,
  holder: Holder = onlyHolder,
): RevocationsJournal {
  let reconciled = 0
  /** What was committed in this snapshot stands in the journal. Without one, nobody knows what does. */
  let seen: string | undefined
  let following: Promise<void> = Promise.resolve()

  async function copyOut(lines?: readonly Revocation[]): Promise<void> {
    const { rows, seen: snapshot } = await newsBeside(lines).catch((error) => {
      // The database that answers next may be another one, where no snapshot of this one says anything.
      seen = undefined
      throw error
    })
    await segments.append(rows)
    seen = snapshot
  }

  async function newsBeside(lines?: readonly Revocation[]): Promise<RowsRead> {
    const news = seen === undefined ? undefined : await rowsSince(db, seen)
    if (news) return news
    const { rows, seen: snapshot } = await rowsKept(db, keptMs)
    const known = new Set((lines ?? (await linesOrNone())).map(({ id }) => id))
    return { rows: rows.filter(({ id }) => !known.has(id)), seen: snapshot }
  }

  // A line that stands there twice says nothing new, and what is damaged must not keep others from being written.
  const linesOrNone = () =>
    segments.read().catch((error) => {
      onError(error)
      return []
    })

  return {
    async reconcile(epoch) {
      if (epoch === reconciled) return
      await holder.claim()
      const since = (await nowOf(db)) - keptMs
      const lines = (await segments.read()).filter(({ at }) => at > since)
      const began = await db.transaction().execute((transaction) => takeIn(transaction, lines))
      await next(async () => {
        seen = undefined
        await copyOut(lines)
        await segments.prune(since)
      })
      // Where a new epoch was begun, whoever has read what is wrong now reads it anew; this instance as well, and finds nothing then.
      if (!began) reconciled = epoch
    },
    follow: () =>
      soon(
        next(async () => {
          await copyOut()
          await holder.beat()
        }),
      ),
  }

  /** One after another: what was read by an earlier epoch must not be what the next one goes on by. */
  function next(act: () => Promise<void>): Promise<void> {
    following = following.then(() => act().catch(onError))
    return following
  }
}

/** Nothing is remembered: an instance without a journal. */
export const noRevocationsJournal: RevocationsJournal = {
  reconcile: async () => undefined,
  follow: async () => undefined,
}

async function soon(writing: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, writeWithinMs)
  await Promise.race([writing, late.promise]).finally(() => clearTimeout(timer))
}

/** @returns whether anything was lost */
async function takeIn(transaction: Transaction<IdpTables>, lines: readonly Revocation[]): Promise<boolean> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended('revocations', 19))`.execute(transaction)
  const rows = await transaction.selectFrom('revocations').select('revocation_id').execute()
  const known = new Set(rows.map(({ revocation_id: id }) => id))
  const lost = [...new Map(lines.filter(({ id }) => !known.has(id)).map((line) => [line.id, line])).values()]
  if (lost.length === 0) return false
  lost.sort((one, other) => one.at - other.at)
  const n = await beginEpochAfter(transaction)
  const changed = await applyRevocations(transaction, lost, n)
  for (const part of inParts(lost, 1_000)) await transaction.insertInto('revocations').values(part.map(rowOf)).execute()
  await recordEvent(transaction, {
    action: 'revocations.applied',
    outcome: 'success',
    actor: 'rekey',
    details: { lost: lost.length, changed, named: lost.slice(0, mostNamed).map(({ kind, key }) => `${kind} ${key}`) },
  })
  return true
}

/** Whoever has read this database already must throw that away. */
async function beginEpochAfter(transaction: Transaction<IdpTables>): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    WITH bump AS (UPDATE revision SET n = n + 1, epoch = greatest(epoch + 1, extract(epoch FROM clock_timestamp())::bigint) RETURNING n),
         logged AS (INSERT INTO changes (revision, topic, key) SELECT n, 'restored', 'journal' FROM bump)
    SELECT n FROM bump`.execute(transaction)
  const [row] = rows
  if (!row) throw new Error('the revision row is missing: the schema was not migrated')
  return row.n
}

const rowOf = ({ id, at, kind, key, state }: Revocation) => ({
  revocation_id: id,
  at: new Date(at),
  ...{ kind, key },
  state: JSON.stringify(state),
})

function* inParts<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < all.length; from += size) yield all.slice(from, from + size)
}

async function nowOf(db: IdpDatabase): Promise<number> {
  const { rows } = await sql<{ now: number }>`SELECT clock_timestamp() AS now`.execute(db)
  return rows[0]?.now ?? 0
}

/** Removes rows that no journal may have as lost any more: lines are older by a good deal when they are looked at no more. */
export async function pruneRevocations(db: IdpDatabase, keptMs: number): Promise<void> {
  await sql`DELETE FROM revocations WHERE at < now() - (${keptMs}::float8 + 604800000) * interval '1 millisecond'`.execute(
    db,
  )
}
