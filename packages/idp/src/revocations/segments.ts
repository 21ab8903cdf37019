import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { appendToJournal, journalFailed, readJournal } from '@rekey/service'
import { type Revocation, revocation } from './record.ts'

const dayMs = 86_400_000

/**
 * The journal of revocations: a folder with a file for each day, one line in JSON for each row. It stays small because a day's file
 * is removed when no backup is that old.
 */
export interface Segments {
  /** @throws ServiceError `JOURNAL_FAILED` when a line is damaged, or a file cannot be read: what it lost might have been revoked */
  read(): Promise<Revocation[]>
  /** On the disk when it resolves. @throws ServiceError `JOURNAL_FAILED` */
  append(news: readonly Revocation[]): Promise<void>
  /** Removes what is older. */
  prune(before: number): Promise<void>
}

export function segmentsIn(folder: string): Segments {
  return {
    async read() {
      // Another instance may have removed one a moment ago, because it is too old: then it has no lines.
      const all = await Promise.all((await namesIn(folder)).map((name) => readJournal(join(folder, name), revocation)))
      return all.flat()
    },
    async append(news) {
      for (const [name, ofDay] of Map.groupBy(news, ({ at }) => nameOf(at))) {
        await appendToJournal(join(folder, name), ofDay)
      }
    },
    async prune(before) {
      // A day is over when all of it is.
      const last = nameOf(before - dayMs)
      for (const name of await namesIn(folder)) if (name < last) await rm(join(folder, name), { force: true })
    },
  }
}

const nameOf = (at: number): string => `${new Date(at).toISOString().slice(0, 10)}.jsonl`

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => /^\d{4}-\d\d-\d\d\.jsonl$/.test(name)).sort()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw journalFailed(folder, 'cannot be read', cause)
  }
}
