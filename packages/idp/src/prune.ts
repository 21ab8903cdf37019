import { type InstanceView, pruneChanges, pruneInstances } from '@rekey/database'
import type { Logger } from 'pino'
import { pruneDenied } from './denied/store.ts'
import { pruneIdempotentReplies } from './http/idempotency.ts'
import type { IdpDatabase } from './tables.ts'
import { pruneUsedAssertions } from './tokens/authentication/used-assertions.ts'
import { pruneOpaqueTokens } from './tokens/opaque.ts'
import { pruneVerifierLeases } from './trust/verifiers.ts'

const anHourMs = 3_600_000

/**
 * Deletes what is over. What cannot be deleted is logged.
 *
 * @param tendProbes seals those anew that are kept
 */
export function prune(db: IdpDatabase, view: InstanceView, tendProbes: () => Promise<void>, log: Logger): void {
  // A clock that made a step lately makes everybody look long gone, and whoever is deleted is waited for by nobody.
  const parties = view.doubtMs(anHourMs) > 0 ? [] : [pruneInstances(db), pruneVerifierLeases(db)]
  Promise.all([
    pruneChanges(db),
    pruneOpaqueTokens(db),
    pruneUsedAssertions(db),
    pruneIdempotentReplies(db),
    pruneDenied(db),
    // Without a lease it may not know under which root key others seal.
    ...(view.held() ? [tendProbes()] : []),
    ...parties,
  ]).catch((error) => log.error({ err: error }, 'what is over could not be deleted'))
}
