import pg from 'pg'
import { DatabaseError } from '../error.ts'

const { builtins } = pg.types
// The object identifiers of the array types, from PostgreSQL's pg_type.dat: pg names only the elements'.
const int8Array = 1016
const timestamptzArray = 1185

type Parse = (text: string) => unknown

/**
 * How values come back. int8 (so `count(*)` too): a number, refused when it is not a safe integer. timestamptz: epoch
 * milliseconds, microseconds cut off. date and timestamp without zone: their text, because they name no instant.
 * numeric (so the `sum` of int8): text. A timestamptz is written as a Date.
 */
const parsers: ReadonlyMap<number, Parse> = new Map<number, Parse>([
  [builtins.INT8, parseInt8],
  [builtins.TIMESTAMPTZ, parseTimestamptz],
  [builtins.DATE, (text) => text],
  [builtins.TIMESTAMP, (text) => text],
  [int8Array, arrayOf(parseInt8)],
  [timestamptzArray, arrayOf(parseTimestamptz)],
])

export const types = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    (format === 'binary' ? undefined : parsers.get(oid)) ??
    pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
}

function parseInt8(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value)) return value
  throw new DatabaseError('UNSAFE_INTEGER', `${text} does not fit a number exactly. Select it as text.`)
}

// "infinity" comes back as the number Infinity, which is no Date.
function parseTimestamptz(text: string): number {
  const parse = pg.types.getTypeParser(builtins.TIMESTAMPTZ, 'text') as (text: string) => Date | number
  const value = parse(text)
  return typeof value === 'number' ? value : value.getTime()
}

// The published types call it a function; the version that pg brings has this shape.
const arrayParser = pg.types.arrayParser as unknown as {
  create(text: string, parse: Parse): { parse(): unknown[] }
}

function arrayOf(parse: Parse): Parse {
  return (text) => arrayParser.create(text, parse).parse()
}
