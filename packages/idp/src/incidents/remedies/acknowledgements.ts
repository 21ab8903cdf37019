import type { Acknowledgements } from '@rekey/breakglass'
import { iso } from '@rekey/service'
import type { Instance } from '../../instance.ts'
import { trustLeaseMs } from '../../trust/events.ts'
import { newestTrust } from '../../trust/leases.ts'
import { type VerifierRow, verifiers } from '../../trust/verifiers.ts'

/** Which verifiers on the feed hold what must be held now, of those that may be accepting anything. Looks once. */
export async function acknowledgements({ connection, view }: Instance): Promise<Acknowledgements> {
  // First: who holds at least this acknowledged it, whatever comes after.
  const revision = await newestTrust(connection.db)
  const seen = await verifiers(connection.db)
  const inDoubt = view.doubtMs(trustLeaseMs) > 0
  // Who was never granted a lease accepts nothing.
  const accepting = seen.filter(({ live, grantedAt }) => grantedAt !== null && (live || inDoubt))
  const holds = ({ epoch, n }: VerifierRow) => epoch === revision.epoch && n >= revision.n
  return {
    revision,
    acknowledged: accepting
      .filter(holds)
      .map(({ id, library, grantedAt, seenAt }) => ({ id, library, at: iso(grantedAt ?? seenAt) })),
    missing: accepting
      .filter((verifier) => !holds(verifier))
      .map(({ id, library, acceptsUntil }) => ({ id, library, acceptsUntil: iso(acceptsUntil) })),
  }
}
