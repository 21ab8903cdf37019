import { type InstanceView, pruneChanges, pruneInstances } from '@rekey/database'
import type { Logger } from 'pino'
import { pruneLoginAttempts } from './accounts/throttle.ts'
import { pruneKeyUses } from './credentials/uses.ts'
import { pruneDenied } from './denied/store.ts'
import { pruneIdempotentReplies } from './http/idempotency.ts'
import { pruneOidcState } from './oidc/state/prune.ts'
import type { IdpDatabase } from './tables.ts'
import { pruneUsedAssertions } from './tokens/authentication/used-assertions.ts'
import { pruneOpaqueTokens } from './tokens/opaque.ts'
import { pruneVerifierLeases } from './trust/verifiers.ts'

const anHourMs = 3_600_000

/**
 * Deletes what is over, and seals anew what is kept. What fails is logged.
 *
 * @param sealAnew what is kept, under the root key of now
 */
export function prune(db: IdpDatabase, view: InstanceView, sealAnew: () => Promise<unknown>, log: Logger): void {
  // A clock that made a step lately makes everybody look long gone, and whoever is deleted is waited for by nobody.
  const parties = view.doubtMs(anHourMs) > 0 ? [] : [pruneInstances(db), pruneVerifierLeases(db)]
  const failed = (what: string) => (error: unknown) => log.error({ err: error }, what)
  Promise.all([
    pruneChanges(db),
    pruneKeyUses(db),
    pruneOidcState(db),
    pruneOpaqueTokens(db),
    pruneUsedAssertions(db),
    pruneIdempotentReplies(db),
    pruneDenied(db),
    pruneLoginAttempts(db),
    ...parties,
  ]).catch(failed('what is over could not be deleted'))
  // Without a lease it may not know under which root key others seal.
  if (view.held()) sealAnew().catch(failed('what is sealed under an older root key could not be sealed anew'))
}
