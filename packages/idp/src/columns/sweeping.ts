import { recordEvent } from '@rekey/database'
import { sql } from 'kysely'
import type { IdpDatabase } from '../tables.ts'

/** Whether what lies under another key is encrypted anew, and how fast: what an operator said last. */
export interface Sweeping {
  isPaused: boolean
  /** Values a second, by all instances together; `null`: as many as there can be. */
  perSecond: number | null
  by: string
  since: number
}

export async function sweepingNow(db: IdpDatabase): Promise<Sweeping> {
  const row = await db.selectFrom('column_sweeping').selectAll().executeTakeFirstOrThrow()
  return { isPaused: row.is_paused, perSecond: row.per_second, by: row.by, since: row.since }
}

/** Instances look at it each second. */
export async function setSweeping(
  db: IdpDatabase,
  by: string,
  { isPaused, perSecond }: Pick<Sweeping, 'isPaused' | 'perSecond'>,
): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    await transaction
      .updateTable('column_sweeping')
      .set({ is_paused: isPaused, per_second: perSecond, by, since: sql`clock_timestamp()` })
      .execute()
    const action = isPaused ? 'columns.reencryption_paused' : 'columns.reencryption_requested'
    const details = isPaused ? {} : { perSecond }
    await recordEvent(transaction, { action, outcome: 'success', actor: by, details })
  })
}
