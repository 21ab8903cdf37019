import { currentRevision, liveInstances } from '@rekey/database'
import type { Evidence } from '@rekey/keyring'
import type { IdpDatabase } from '../tables.ts'
import { verifiers } from '../trust/leases.ts'

/** What is known about the parties to the signing keyrings. A verifier in another epoch holds nothing of this one. */
export async function evidenceFor(db: IdpDatabase): Promise<Evidence> {
  const [instances, seen, { epoch }] = await Promise.all([liveInstances(db), verifiers(db), currentRevision(db)])
  return {
    instances,
    verifiers: seen
      .filter((verifier) => verifier.live)
      .map(({ id, n, epoch: held, acceptsUntil }) => ({
        id,
        holds: held === epoch ? n : -1,
        leaseUntil: acceptsUntil,
      })),
  }
}
