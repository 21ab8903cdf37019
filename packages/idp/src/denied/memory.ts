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
  /** Of a user's token: its session. */
  sid?: string | undefined
  sub: string
  client_id: string
  iat: number
}

/** The deny-list as an instance has read it. Part of what it holds on its view of the database. */
export function deniedMemory() {
  const held = new Map<string, DenyRow>()
  let revision = 0
  /** From this second on nothing is denied by a moment, whosever it is: what issues tokens looks at nothing else, as a rule. */
  let latest = 0

  /** Verifiers count in whole seconds, and round up: what one of them refuses is denied here too. */
  const secondOf = ({ issuedBefore }: DenyRow) => (issuedBefore === null ? 0 : Math.ceil(issuedBefore / 1_000))

  /** The first second whose tokens are not denied by a moment. */
  function firstGood(key: string): number {
    const row = held.get(key)
    return row ? secondOf(row) : 0
  }

  return {
    /** Is this token denied? */
    denies({ iss, jti, sid, sub, client_id, iat }: DeniableClaims): boolean {
      if (held.size === 0) return false
      if (jti !== undefined && held.has(`jti:${jti}`)) return true
      if (sid !== undefined && held.has(`sid:${sid}`)) return true
      if (iat < firstGood(`sub:${sub}`) || iat < firstGood(`client_id:${client_id}`)) return true
      return iat < firstGood(`iss:${iss}`)
    },
    /** The first `iat`, this one or a later one, with which a token of a client is not denied by a moment. */
    issuableFrom(iss: string, clientId: string, iat: number): number {
      if (iat >= latest) return iat
      return Math.max(iat, firstGood(`iss:${iss}`), firstGood(`sub:${clientId}`), firstGood(`client_id:${clientId}`))
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
      latest = 0
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
          latest = Math.max(latest, secondOf(row))
          add.push(toldOf(row))
        }
      }
      revision = read.revision
      return { add, drop }
    },
  }
}
