/**
 * Which database a journal is of. A copy of a database that writes into the journal of its original would have revoked there what was
 * revoked in the copy: nobody can tell that from what a restore has lost. So instances say each second in a file beside the journal
 * which database they serve, and none begins while those of another one do.
 */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { journalFailed } from '@rekey/service'
import { sql } from 'kysely'
import type { Clock } from '../clock.ts'
import type { IdpDatabase } from '../tables.ts'

const beatEveryMs = 1_000
/** Who has not said anything for so long has ended, or lost its lease. */
const silentMs = 5_000
const lookEveryMs = 200

export interface Holder {
  /**
   * Waits for instances of another database to have ended.
   *
   * @throws ServiceError `JOURNAL_FAILED` when they go on
   */
  claim(): Promise<void>
  beat(): Promise<void>
}

/** Of a journal that nobody else can have. */
export const onlyHolder: Holder = { claim: async () => undefined, beat: async () => undefined }

/** @param path of the file */
export function journalHolder(path: string, db: IdpDatabase, clock: Clock): Holder {
  let ours: string | undefined
  let lastBeat = Number.NEGATIVE_INFINITY

  const beat = async () => {
    if (ours === undefined || clock() - lastBeat < beatEveryMs) return
    lastBeat = clock()
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeFile(path, ours, { mode: 0o600 })
  }

  return {
    async claim() {
      // What we said of an epoch before may be of another database.
      ours = undefined
      const database = await databaseId(db)
      const first = await said(path)
      const began = clock()
      for (let last = first; last && last.database !== database; last = await said(path)) {
        if (last.at !== first?.at)
          throw journalFailed(path, 'names another database, whose instances run: share no journal')
        if (clock() - Math.min(last.at, began) > silentMs) break
        await setTimeout(lookEveryMs)
      }
      ours = database
      lastBeat = Number.NEGATIVE_INFINITY
      await beat()
    },
    beat,
  }
}

/** Where nobody has said anything there is nothing. */
async function said(path: string): Promise<{ database: string; at: number } | undefined> {
  try {
    const [database, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)])
    return { database, at: mtimeMs }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw journalFailed(path, 'cannot be read', cause)
  }
}

/**
 * The same for as long as the database lives, wherever a standby of it takes over. Who runs PostgreSQL for others may keep the
 * cluster's own number from them: then the database's must do.
 */
async function databaseId(db: IdpDatabase): Promise<string> {
  const { rows } = await sql<{ id: string; mayAsk: boolean }>`
    SELECT oid::text AS id, has_function_privilege('pg_control_system()', 'EXECUTE') AS "mayAsk"
    FROM pg_database WHERE datname = current_database()`.execute(db)
  const { id = '', mayAsk = false } = rows[0] ?? {}
  if (!mayAsk) return id
  const cluster = await sql<{ id: string }>`SELECT system_identifier::text AS id FROM pg_control_system()`.execute(db)
  return `${cluster.rows[0]?.id}/${id}`
}
