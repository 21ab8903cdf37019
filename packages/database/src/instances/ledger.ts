import type { Kysely } from 'kysely'
import { beginEpoch, currentRevision } from '../changes/record.ts'
import { type ChangeRecord, changesSince } from '../changes/since.ts'
import type { DatabaseTables } from '../tables.ts'
import { enter, type InstanceRow, instanceRows, leave, renew } from './row.ts'

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
  /** Every instance that was seen lately, and the time of the database at which they were read. */
  instances(): Promise<{ now: number; rows: InstanceRow[] }>
}

/** @param rootKeys the ids of those that the instance holds which enters by it, asked for whenever it does or renews */
export function databaseLedger<T extends DatabaseTables>(db: Kysely<T>, rootKeys?: () => readonly string[]): Ledger {
  return {
    newest: () => currentRevision(db),
    changesSince: (revision) => changesSince(db, revision),
    beginEpoch: (seen) => beginEpoch(db, seen),
    enter: (id, address) => enter(db, id, address, rootKeys?.()),
    renew: (id, applied, announce) => renew(db, id, applied, announce, rootKeys?.()),
    leave: (id) => leave(db, id),
    instances: () => instanceRows(db),
  }
}
