import { sql } from 'kysely'
import { IdpError } from '../../error.ts'
import { sha256 } from '../../sha256.ts'
import type { IdpDatabase } from '../../tables.ts'

/**
 * Takes down which assertions were used. What a client calls one is stored as a hash, because a client may call it anything.
 */
export interface UsedAssertions {
  /**
   * @param expiresAt milliseconds since the epoch, the tolerance for clocks included
   * @returns false when it was used before, at whichever instance
   * @throws IdpError `OVERLOADED` while too many wait; what the database throws
   */
  useOnce(clientId: string, jti: string, expiresAt: number): Promise<boolean>
}

interface Use {
  clientId: string
  jtiHash: Buffer
  expiresAt: number
  resolve(isFirst: boolean): void
  reject(error: unknown): void
}

/** In one statement: each would cost a transaction of its own otherwise, which is more than all the rest of the request. */
const mostTogether = 500
const mostWaiting = 5_000

/** A client that waits for a busy database keeps this process from working for the next, where one statement at a time is allowed. */
const mostAtOnce = 2

/**
 * Whoever comes when no statement is under way waits for nobody. Those that come meanwhile, in one turn of the event loop or while
 * no more statements are allowed, are written together.
 */
export function usedAssertions(db: IdpDatabase): UsedAssertions {
  let waiting: Use[] = []
  let underWay = 0
  let isGathering = false

  async function writeNext(): Promise<void> {
    const together = waiting.slice(0, mostTogether)
    waiting = waiting.slice(mostTogether)
    underWay += 1
    await settle(db, together)
    underWay -= 1
    gather()
  }

  function gather(): void {
    if (isGathering || waiting.length === 0 || underWay >= mostAtOnce) return
    isGathering = true
    setImmediate(() => {
      isGathering = false
      while (waiting.length > 0 && underWay < mostAtOnce) writeNext()
    })
  }

  return {
    useOnce(clientId, jti, expiresAt) {
      if (waiting.length >= mostWaiting) {
        throw new IdpError('OVERLOADED', 'too many assertions wait for the database; try again')
      }
      return new Promise((resolve, reject) => {
        waiting.push({ clientId, jtiHash: sha256(jti), expiresAt, resolve, reject })
        if (underWay === 0 && !isGathering) writeNext()
        else gather()
      })
    },
  }
}

/** Never throws: whoever waits is told. */
async function settle(db: IdpDatabase, together: readonly Use[]): Promise<void> {
  const byKey = Map.groupBy(together, keyOf)
  // In the same order everywhere: two instances that write the same ones would wait for each other otherwise.
  const firsts = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, [first]]) => first ?? [])
  try {
    const written = await write(db, firsts)
    for (const [key, uses] of byKey) for (const [n, use] of uses.entries()) use.resolve(n === 0 && written.has(key))
  } catch (error) {
    for (const use of together) use.reject(error)
  }
}

/** @returns those that were not there before */
async function write(db: IdpDatabase, uses: readonly Use[]): Promise<Set<string>> {
  const { rows } = await sql<{ clientId: string; jtiHash: Buffer }>`
    INSERT INTO used_assertions (client_id, jti_hash, expires_at)
    SELECT * FROM unnest(${uses.map(({ clientId }) => clientId)}::text[], ${uses.map(({ jtiHash }) => jtiHash)}::bytea[],
      ${uses.map(({ expiresAt }) => new Date(expiresAt))}::timestamptz[])
    ON CONFLICT DO NOTHING RETURNING client_id AS "clientId", jti_hash AS "jtiHash"`.execute(db)
  return new Set(rows.map(keyOf))
}

function keyOf({ clientId, jtiHash }: Pick<Use, 'clientId' | 'jtiHash'>): string {
  return jtiHash.toString('latin1') + clientId
}

/** Deletes what has expired by the clock of every instance: none is ten minutes behind the database. */
export async function pruneUsedAssertions(db: IdpDatabase): Promise<void> {
  await sql`DELETE FROM used_assertions WHERE expires_at < now() - interval '10 minutes'`.execute(db)
}
