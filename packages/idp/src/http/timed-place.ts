import { lineOf } from '@rekey/service'
import { sql } from 'kysely'
import { z } from 'zod'

/** A place in a list that is sorted by a time and then by an id: the time in microseconds, as exact as the database sorts. */
export const timedPosition = z.tuple([z.number().int().nonnegative(), lineOf(200)])

/** The first half of such a place, of a column. */
export function microsecondsOf(column: string) {
  return sql<number>`(extract(epoch FROM ${sql.ref(column)}) * 1000000)::bigint`
}

/** Does a row come after such a place? */
export function isAfter(timeColumn: string, idColumn: string, [microseconds, id]: z.infer<typeof timedPosition>) {
  const time = sql`'epoch'::timestamptz + ${microseconds}::bigint * interval '1 microsecond'`
  return sql<boolean>`(${sql.ref(timeColumn)}, ${sql.ref(idColumn)}) > (${time}, ${id})`
}
