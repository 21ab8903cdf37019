import { sql } from 'kysely'
import type { BffDatabase } from '../tables.ts'

/** When sessions were last used: counted in memory, and written now and then, because every request is a use. */
export interface SessionUses {
  note(id: string): void
  /** Writes what was noted, and ends. */
  close(): Promise<void>
}

const flushEveryMs = 5_000
/** Rows of one statement. */
const mostTogether = 1_000

/** @param onError what could not be written; it is tried again the next time */
export function sessionUses(db: BffDatabase, onError: (error: unknown) => void): SessionUses {
  let noted = new Map<string, number>()
  let writing: Promise<void> = Promise.resolve()
  const add = (id: string, count: number) => noted.set(id, (noted.get(id) ?? 0) + count)

  async function writeNoted(): Promise<void> {
    const left = [...noted].sort(([a], [b]) => (a < b ? -1 : 1))
    noted = new Map()
    try {
      while (left.length > 0) {
        await write(db, left.slice(0, mostTogether))
        left.splice(0, mostTogether)
      }
    } catch (error) {
      for (const [id, count] of left) add(id, count)
      onError(error)
    }
  }

  function flush(): Promise<void> {
    writing = writing.then(writeNoted)
    return writing
  }

  const timer = setInterval(flush, flushEveryMs).unref()
  return {
    note: (id) => void add(id, 1),
    async close() {
      clearInterval(timer)
      await flush()
    },
  }
}

/** In the order of the keys: two instances that write the same rows would wait for each other otherwise. */
async function write(db: BffDatabase, uses: readonly (readonly [string, number])[]): Promise<void> {
  // What ended meanwhile is not there to be locked, and has no uses any more.
  await sql`
    WITH live AS (
      SELECT session_id, noted.count
      FROM unnest(${uses.map(([id]) => id)}::uuid[], ${uses.map(([, count]) => count)}::bigint[]) AS noted (id, count)
      JOIN sessions ON session_id = noted.id ORDER BY session_id FOR KEY SHARE OF sessions
    )
    INSERT INTO session_uses AS held (session_id, last_at, count)
    SELECT session_id, clock_timestamp(), count FROM live ORDER BY session_id
    ON CONFLICT (session_id) DO UPDATE
      SET last_at = greatest(held.last_at, EXCLUDED.last_at), count = held.count + EXCLUDED.count`.execute(db)
}
