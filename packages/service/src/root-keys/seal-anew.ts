import type { Sealer } from '@rekey/database'

/** Rows that are looked for in one pass; the rest comes with the next. */
export const mostSealedAnew = 5_000
/** For so many it takes a few milliseconds, in which requests wait. */
const mostTogether = 200

/** A row of which one column is sealed. */
export interface SealedRow {
  /** Where it is stored; sealing binds it to this place. */
  record: string
  sealed: string
}

/**
 * Seals rows under the root key by which is sealed now.
 *
 * @param replace writes `next` in the place of `sealed`, unless that is another one meanwhile
 * @returns how many there were
 * @throws DatabaseError for one that does not open, when all others are done
 */
export async function sealRowsAnew<Row extends SealedRow>(
  rows: readonly Row[],
  sealer: Sealer,
  replace: (rows: readonly (Row & { next: string })[]) => Promise<void>,
): Promise<number> {
  const failed: unknown[] = []
  for (let n = 0; n < rows.length; n += mostTogether) {
    await replace(
      rows.slice(n, n + mostTogether).flatMap((row) => {
        try {
          return [{ ...row, next: sealer.seal(row.record, sealer.open(row.record, row.sealed)) }]
        } catch (error) {
          failed.push(error)
          return []
        }
      }),
    )
  }
  if (failed.length > 0) throw failed[0]
  return rows.length
}
