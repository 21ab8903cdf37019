import { type InstanceView, pruneChanges, pruneInstances } from '@rekey/database'
import type { Logger } from 'pino'
import { pruneLinks } from './links/prune.ts'
import { pruneEndings } from './sessions/endings.ts'
import { pruneLogoutTokens, pruneSessions } from './sessions/prune.ts'
import type { BffDatabase } from './tables.ts'

const anHourMs = 3_600_000

/**
 * Deletes what is over, and seals anew what is kept. What fails is logged.
 *
 * @param sealAnew what is kept, under the root key of now
 */
export async function prune(
  db: BffDatabase,
  view: InstanceView,
  sealAnew: () => Promise<unknown>,
  log: Logger,
): Promise<void> {
  const failed = (what: string) => (error: unknown) => log.error({ err: error }, what)
  // A clock that made a step lately makes everybody look long gone, and whoever is deleted is waited for by nobody.
  const parties = view.doubtMs(anHourMs) > 0 ? [] : [pruneInstances(db)]
  const over = [
    pruneChanges(db),
    pruneSessions(db),
    pruneLogoutTokens(db),
    pruneEndings(db),
    pruneLinks(db),
    ...parties,
  ]
  await Promise.all(over).catch(failed('what is over could not be deleted'))
  // Without a lease it may not know under which root key others seal.
  if (view.held()) await sealAnew().catch(failed('what is sealed under an older root key could not be sealed anew'))
}
