/** Lists are read a page at a time. What a cursor says is ours to change: callers hand it back as they got it. */
import { z } from 'zod'
import { ServiceError } from '../error.ts'

/** The members of a querystring that ask for a page. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('How many at most'),
  cursor: z.string().max(1_000).optional().describe('`nextCursor` of the page before'),
}

/** The member of a reply that leads on. */
export const nextCursor = z.string().nullable().describe('Ask with it for the next page; null on the last one')

/**
 * Reads where the page before ended.
 *
 * @param position what `pageOf` was told to put into cursors
 * @throws ServiceError `INVALID_REQUEST` for anything that is no cursor of this list
 */
export function positionOf<Position>(cursor: string | undefined, position: z.ZodType<Position>): Position | undefined {
  if (cursor === undefined) return undefined
  const parsed = position.safeParse(decoded(cursor))
  if (!parsed.success) throw new ServiceError('INVALID_REQUEST', 'cursor is none of this list; begin without one')
  return parsed.data
}

/**
 * Makes a page of rows that were read in their order after `positionOf`.
 *
 * @param rows one more than `limit` where there are as many: the last one only says that the list goes on
 */
export function pageOf<Row>(rows: readonly Row[], limit: number, position: (row: Row) => unknown) {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  const more = rows.length > limit && last !== undefined
  return { rows: page, nextCursor: more ? cursorAt(position(last)) : null }
}

/** A cursor for a place that no row stands in. */
export const cursorAt = (position: unknown): string => Buffer.from(JSON.stringify(position)).toString('base64url')

function decoded(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch {
    return undefined
  }
}
