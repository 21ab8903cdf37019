import { type DenyEntry, type DenyRow, endedMarginMs, toldOf } from './entry.ts'
import type { DenyChange } from './store.ts'

/** What verifiers have to be told about the deny-list since they were told last. */
export interface DeniedNews {
  add: readonly DenyEntry[]
  drop: readonly DenyEntry[]
}

/** What the deny-list is held against. `iat` is in seconds since the epoch. */
export interface DeniableClaims {
  iss: string
  jti?: string
  sub: string
  client_id: string
  iat: number
}

/** The deny-list as an instance has read it. Part of what it holds on its view of the database. */
export function deniedMemory() {
  const held = new Map<string, DenyRow>()
  let revision = 0

  /** Verifiers count in whole seconds, and round up: what one of them refuses is denied here too. */
  function isIssuedBefore(key: string, iat: number): boolean {
    const { issuedBefore = null } = held.get(key) ?? {}
    return issuedBefore !== null && iat < Math.ceil(issuedBefore / 1_000)
  }

  return {
    /** Is this token denied? */
    denies({ iss, jti, sub, client_id, iat }: DeniableClaims): boolean {
      if (held.size === 0) return false
      if (jti !== undefined && held.has(`jti:${jti}`)) return true
      if (isIssuedBefore(`sub:${sub}`, iat) || isIssuedBefore(`client_id:${client_id}`, iat)) return true
      return isIssuedBefore(`iss:${iss}`, iat)
    },
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
