import { currentRevision, type InstanceView } from '@rekey/database'
import type { Evidence } from '@rekey/keyring'
import type { IdpDatabase } from '../tables.ts'
import { trustLeaseMs } from '../trust/hub.ts'
import { verifiers } from '../trust/leases.ts'

/**
 * What is known about the parties to the signing keyrings. A verifier in another epoch holds nothing of this one. Those whose
 * lease is over are left out, unless the clock that says so has just made a step.
 */
export async function evidenceFor(db: IdpDatabase, view: Pick<InstanceView, 'live' | 'doubtMs'>): Promise<Evidence> {
  const [seen, { epoch }] = await Promise.all([verifiers(db), currentRevision(db)])
  // Last, because it looks at the clock: a step made while the others were read is noticed.
  const instances = await view.live()
  const inDoubt = view.doubtMs(trustLeaseMs) > 0
  return {
    instances,
    verifiers: seen
      .filter((verifier) => verifier.live || inDoubt)
      .map(({ id, n, epoch: held, acceptsUntil }) => ({
        id,
        holds: held === epoch ? n : -1,
        leaseUntil: acceptsUntil,
      })),
  }
}
