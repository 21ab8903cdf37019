import type { ChangeRecord, Viewer } from '@rekey/database'
import type { Renewal } from '@rekey/service'
import type { Logger } from 'pino'
import { agentTopic } from '../credentials/client.ts'
import { verifierTopic } from '../trust/credential.ts'
import type { Held } from './held.ts'

/**
 * Keeps all of it as the view of the database says.
 *
 * @param confirmed is told that others know what was applied, unless it was of clients alone: no keyring waits for that
 */
export function viewerOf(
  { verifierCredentials, memory, issuance, freeze }: Held,
  renewal: Renewal,
  confirmed: () => void,
  log: Logger,
): Viewer {
  let isOfClientsAlone = false
  return {
    async reload() {
      isOfClientsAlone = false
      verifierCredentials.forgetAll()
      await renewal.before()
      await memory.reload()
      await renewal.opened()
      await issuance.reload()
      await freeze.reload()
    },
    async apply(changes: ChangeRecord[]) {
      for (const { topic, key } of changes) if (topic === verifierTopic) verifierCredentials.forget(key)
      await memory.apply(changes)
      await issuance.apply(changes)
      await freeze.apply(changes)
      isOfClientsAlone &&= changes.every(({ topic }) => topic === agentTopic)
    },
    confirmed() {
      if (!isOfClientsAlone) confirmed()
      isOfClientsAlone = true
    },
    lost(reason: string) {
      log.warn({ reason }, 'view of the database lost: refusing to sign until it is confirmed again')
      verifierCredentials.forgetAll()
      memory.drop()
    },
  }
}
