/**
 * The older forms of values, and whether they may still be written: `open` while an instance was told to admit them,
 * `closing` while it is made sure that none is left, `closed` for good.
 */
import { type Kysely, sql } from 'kysely'
import { ownTables } from '../audit/own-tables.ts'
import { DatabaseError } from '../error.ts'
import type { DatabaseTables } from '../tables.ts'
import type { EncryptedColumn } from './column.ts'
import { columnsHeld } from './counts.ts'
import type { LegacyForm } from './form.ts'

/** A form that was ever admitted, and what became of it. */
export interface ColumnForm {
  form: LegacyForm
  state: 'open' | 'closing' | 'closed'
  /** Who brought it into this state. */
  by: string
  /** When, in milliseconds since the epoch. */
  since: number
}

/** The forms that were ever admitted. */
export async function columnForms<T extends DatabaseTables>(db: Kysely<T>): Promise<ColumnForm[]> {
  return ownTables(db).selectFrom('column_forms').selectAll().orderBy('form').execute()
}

/**
 * Admits values of a form, unless it is closed for good.
 *
 * @throws DatabaseError `LEGACY_FORM_REFUSED`
 */
export async function openForm<T extends DatabaseTables>(db: Kysely<T>, form: LegacyForm, by: string): Promise<void> {
  const { rows } = await sql<{ state: string }>`
    INSERT INTO column_forms (form, state, by) VALUES (${form}, 'open', ${by})
    ON CONFLICT (form) DO UPDATE SET state = 'open', by = EXCLUDED.by, since = EXCLUDED.since
      WHERE column_forms.state = 'closing'
    RETURNING state`.execute(db)
  if (rows.length > 0) return
  const known = (await columnForms(db)).find((each) => each.form === form)
  if (known?.state !== 'closed') return
  throw new DatabaseError('LEGACY_FORM_REFUSED', `the form "${form}" of encrypted columns was closed for good`, {
    facts: { form },
  })
}

/**
 * Closes a form for good. It is refused, and stays admitted as it was, while there are values of it, or while a transaction
 * runs that may still write one. Done to a form that was never admitted too: it cannot be any more.
 *
 * @throws DatabaseError `LEGACY_FORM_LEFT` with the number of values that are left in `facts.count`
 */
export async function closeForm<T extends DatabaseTables>(
  database: Kysely<T>,
  columns: readonly EncryptedColumn[],
  form: LegacyForm,
  by: string,
): Promise<void> {
  const db = ownTables(database)
  const begun = await beginClosing(db, form, by)
  if (begun === undefined) return
  const { count, isUnsettled } = (await columnsHeld(db, columns)).get(form) ?? { count: 0 }
  if (count === 0 && !isUnsettled && (await endClosing(db, form, begun.turn, 'closed'))) return
  await endClosing(db, form, begun.turn, begun.former)
  const left =
    count > 0
      ? `${count} ${count === 1 ? 'value is' : 'values are'} left`
      : 'a transaction runs that may still write one'
  throw new DatabaseError('LEGACY_FORM_LEFT', `the form "${form}" cannot be closed: ${left}`, {
    facts: { form, count },
  })
}

/**
 * @returns by what the end knows that nobody opened it meanwhile, and what to bring it back to: one that was never admitted stays
 *   as it is now, which nobody may write. `undefined` when it is closed
 */
async function beginClosing(
  db: Kysely<DatabaseTables>,
  form: LegacyForm,
  by: string,
): Promise<{ turn: string; former: ColumnForm['state'] } | undefined> {
  const { rows } = await sql<{ turn: string; former: ColumnForm['state'] }>`
    WITH known AS (SELECT state FROM column_forms WHERE form = ${form})
    INSERT INTO column_forms (form, state, by) VALUES (${form}, 'closing', ${by})
    ON CONFLICT (form) DO UPDATE SET state = 'closing', by = EXCLUDED.by, since = EXCLUDED.since
      WHERE column_forms.state <> 'closed'
    RETURNING since::text AS turn, coalesce((SELECT state FROM known), 'closing') AS former`.execute(db)
  return rows[0]
}

async function endClosing(
  db: Kysely<DatabaseTables>,
  form: LegacyForm,
  turn: string,
  state: ColumnForm['state'],
): Promise<boolean> {
  const ended = await sql`
    UPDATE column_forms SET state = ${state}, since = clock_timestamp()
    WHERE form = ${form} AND state = 'closing' AND since = ${turn}::timestamptz`.execute(db)
  return (ended.numAffectedRows ?? 0n) > 0n
}
