import type { Kysely } from 'kysely'
import { beginEpoch, currentRevision } from '../changes/record.ts'
import { type ChangeRecord, changesSince } from '../changes/since.ts'
import type { DatabaseTables } from '../tables.ts'
import { enter, type Instances, instanceRows, leave, renew } from './row.ts'

/** The newest revision of a database, and its epoch. */
export interface Newest {
  epoch: number
  n: number
}

/** Where instances read what changed and enter what they have applied. The queries of changes/ and row.ts, as one port. */
export interface Ledger {
  newest(): Promise<Newest>
  /** What changed after a revision, oldest first. */
  changesSince(revision: number): Promise<ChangeRecord[]>
  /** Behind one that was seen, unless a later one has begun already. */
  beginEpoch(seen: { epoch: number }): Promise<void>
  enter(id: string, address: string): Promise<void>
  /** `undefined` when the lease was over: only `enter` makes the instance count again. `now` is the time of the database. */
  renew(id: string, applied: number, announce: boolean): Promise<(Newest & { now: number }) | undefined>
  leave(id: string): Promise<void>
  instances(): Promise<Instances>
}

/** What an instance says in its row of the root keys that it holds, by their ids. */
export interface AnnouncedKeys {
  /** Asked for whenever the row is about to be written. */
  announce(): readonly string[]
  /** The row says so now. */
  announced(ids: readonly string[]): void
}

/** @param rootKeys of the instance that enters by it */
export function databaseLedger<T extends DatabaseTables>(db: Kysely<T>, rootKeys?: AnnouncedKeys): Ledger {
  async function saying<Result>(write: (ids?: readonly string[]) => Promise<Result>): Promise<Result> {
    const ids = rootKeys?.announce()
    const result = await write(ids)
    if (ids) rootKeys?.announced(ids)
    return result
  }
  return {
    newest: () => currentRevision(db),
    changesSince: (revision) => changesSince(db, revision),
    beginEpoch: (seen) => beginEpoch(db, seen),
    enter: (id, address) => saying((ids) => enter(db, id, address, ids)),
    renew: (id, applied, announce) => saying((ids) => renew(db, id, applied, announce, ids)),
    leave: (id) => leave(db, id),
    instances: () => instanceRows(db),
  }
}
