import { type Kysely, sql } from 'kysely'
import { DatabaseError } from '../error.ts'
import type { DatabaseTables } from '../tables.ts'
import { CompactRange } from './merkle/range.ts'
import { type Lookup, peaksOf, type Span, spansOfEdge } from './merkle/subtree.ts'

/** Reads parts of the stored tree. A look-up of what is not there throws AUDIT_DAMAGED. */
export async function readNodes(db: Kysely<DatabaseTables>, spans: readonly Span[]): Promise<Lookup> {
  const column = (member: keyof Span) => spans.map((span) => span[member])
  const { rows } = await sql<{ level: number; index: number; hash: string }>`
    WITH span AS (
      SELECT * FROM unnest(${column('level')}::int[], ${column('from')}::bigint[], ${column('to')}::bigint[])
        AS span (level, first, past))
    SELECT n.level, n.index, encode(n.hash, 'hex') AS hash
      FROM span JOIN audit_nodes n ON n.level = span.level AND n.index >= first AND n.index < past
    UNION ALL
    SELECT 0, c.seq - 1, encode(c.hash, 'hex')
      FROM span JOIN audit_chain c ON span.level = 0 AND c.seq > first AND c.seq <= past`.execute(db)
  const found = new Map(rows.map(({ level, index, hash }) => [`${level}/${index}`, hash]))
  return (level, index) => found.get(`${level}/${index}`) ?? missing(level, index)
}

/** The tree as it was at a size, from what is stored. */
export async function rangeAt(db: Kysely<DatabaseTables>, size: number): Promise<CompactRange> {
  return new CompactRange(size, peaksOf(size, await readNodes(db, spansOfEdge(size))))
}

function missing(level: number, index: number): never {
  const what = level === 0 ? `event ${index + 1}` : `node ${index} of level ${level}`
  throw new DatabaseError('AUDIT_DAMAGED', `The audit chain lacks ${what}. Verify it to see what else is wrong.`, {
    facts: level === 0 ? { seq: index + 1 } : { level, index },
  })
}
