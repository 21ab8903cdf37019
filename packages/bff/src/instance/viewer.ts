import type { ChangeRecord, Viewer } from '@rekey/database'
import type { Renewal } from '@rekey/service'
import type { Logger } from 'pino'
import type { KeyringMemory } from '../keyrings/memory.ts'
import { type SessionMemory, sessionTopic } from '../sessions/memory.ts'

/** What an instance holds in memory, on its view of the database. */
export interface Held {
  keyrings: KeyringMemory
  sessions: SessionMemory
}

/**
 * Keeps all of it as the view of the database says.
 *
 * @param confirmed is told that others know what was applied, unless it was of sessions alone: no keyring waits for that
 */
export function viewerOf({ keyrings, sessions }: Held, renewal: Renewal, confirmed: () => void, log: Logger): Viewer {
  let isOfSessionsAlone = false
  return {
    async reload() {
      isOfSessionsAlone = false
      sessions.forgetAll()
      await renewal.before()
      await keyrings.reload()
      await renewal.opened()
    },
    async apply(changes: ChangeRecord[]) {
      sessions.apply(changes)
      await keyrings.apply(changes)
      isOfSessionsAlone &&= changes.every(({ topic }) => topic === sessionTopic)
    },
    confirmed() {
      if (!isOfSessionsAlone) confirmed()
      isOfSessionsAlone = true
    },
    lost(reason: string) {
      log.warn({ reason }, 'view of the database lost: nobody is known until it is confirmed again')
      sessions.forgetAll()
      keyrings.drop()
    },
  }
}
