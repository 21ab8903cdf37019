import type { ChangeRecord, Sealer } from '@rekey/database'
import { type Recall, recall } from '@rekey/service'
import type { BffDatabase } from '../tables.ts'
import { type HeldSession, readSession } from './stored.ts'

/** The topic of changes that end sessions. */
export const sessionTopic = 'session'

/** In the place of their ids, where too many sessions ended at once. */
const everySession = '*'
const mostNamed = 50

/** With its tokens a session takes a few kilobytes. */
const mostHeld = 20_000

/** The key of the change that ends these sessions. */
export function changeKey(ids: readonly string[]): string {
  return ids.length > mostNamed ? everySession : ids.join(',')
}

/** Sessions that an instance holds, on its view of the database: one that ended is dropped before that is answered. */
export type SessionMemory = Recall<HeldSession> & {
  /** To be told of every change. */
  apply(changes: readonly ChangeRecord[]): void
}

/** @param requireRoom throws when the database has no room for another read */
export function sessionMemory(db: BffDatabase, sealer: Sealer, requireRoom: () => void): SessionMemory {
  const held = recall((id) => readSession(db, sealer, id), requireRoom, mostHeld)
  return {
    ...held,
    apply(changes) {
      for (const { topic, key } of changes) {
        if (topic !== sessionTopic) continue
        if (key === everySession) held.forgetAll()
        else for (const id of key.split(',')) held.forget(id)
      }
    },
  }
}
