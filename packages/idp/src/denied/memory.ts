import { type DenyEntry, type DenyRow, endedMarginMs, toldOf } from './entry.ts'
import type { DenyChange } from './store.ts'

/** What verifiers have to be told about the deny-list since they were told last. */
export interface DeniedNews {
  add: readonly DenyEntry[]
  drop: readonly DenyEntry[]
}

/** The deny-list as an instance has read it. Part of what it holds on its view of the database. */
export function deniedMemory() {
  const held = new Map<string, DenyRow>()
  let revision = 0

  return {
    /** Up to which revision it was read. */
    revision: (): number => revision,
    /** All of it that has not ended. */
    entries(now: number): DenyEntry[] {
      for (const [key, { endsAt }] of held) if (endsAt + endedMarginMs <= now) held.delete(key)
      return [...held.values()].map(toldOf)
    },
    forgetAll(): void {
      held.clear()
      revision = 0
    },
    take(read: { revision: number; changes: readonly DenyChange[] }): DeniedNews {
      const add: DenyEntry[] = []
      const drop: DenyEntry[] = []
      for (const { dropped, ...row } of read.changes) {
        const key = `${row.kind}:${row.value}`
        const before = held.get(key)
        // It may have been taken back and denied anew, for less: verifiers drop what they hold before they add.
        if (before !== undefined || dropped) drop.push(toldOf(before ?? row))
        if (dropped) held.delete(key)
        else {
          held.set(key, row)
          add.push(toldOf(row))
        }
      }
      revision = read.revision
      return { add, drop }
    },
  }
}
