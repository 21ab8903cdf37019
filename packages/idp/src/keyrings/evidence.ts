import { currentRevision, type InstanceView } from '@rekey/database'
import type { Evidence, Keyring } from '@rekey/keyring'
import { liveInstances } from '@rekey/service'
import { columnEvidence } from '../columns/evidence.ts'
import { isSigning } from '../signing/keys.ts'
import type { IdpDatabase } from '../tables.ts'
import { trustLeaseMs } from '../trust/events.ts'
import { type VerifierRow, verifiers } from '../trust/verifiers.ts'

/** What is known about the parties to a keyring of the identity provider. */
export function observe(
  db: IdpDatabase,
  view: Pick<InstanceView, 'live' | 'doubtMs'>,
  keyring: Keyring,
): Promise<Evidence> {
  return isSigning(keyring) ? evidenceFor(db, view) : columnEvidence(db, view, keyring)
}

/**
 * What is known about the parties to the signing keyrings. A verifier in another epoch holds nothing of this one. Those whose
 * lease is over are left out, unless the clock that says so has just made a step.
 */
export async function evidenceFor(db: IdpDatabase, view: Pick<InstanceView, 'live' | 'doubtMs'>): Promise<Evidence> {
  const [seen, { epoch }] = await Promise.all([verifiersGranted(db), currentRevision(db)])
  // Last, because it looks at the clock: a step made while the others were read is noticed.
  const instances = await liveInstances(view)
  return { instances, verifiers: accepting(seen, epoch, view) }
}

/** The verifiers alone, read one after the other on the connection that is given: for use in a transaction. */
export async function verifiersSeen(
  db: IdpDatabase,
  view: Pick<InstanceView, 'doubtMs'>,
): Promise<Evidence['verifiers']> {
  const seen = await verifiersGranted(db)
  return accepting(seen, (await currentRevision(db)).epoch, view)
}

/** Who was never granted a lease accepts nothing, in doubt neither. */
async function verifiersGranted(db: IdpDatabase): Promise<VerifierRow[]> {
  return (await verifiers(db)).filter(({ grantedAt }) => grantedAt !== null)
}

type Sighting = Pick<VerifierRow, 'id' | 'n' | 'epoch' | 'algorithms' | 'acceptsUntil' | 'live'>

/** What those verifiers hold that may be accepting now. */
export function accepting(
  seen: readonly Sighting[],
  epoch: number,
  view: Pick<InstanceView, 'doubtMs'>,
): Evidence['verifiers'] {
  const inDoubt = view.doubtMs(trustLeaseMs) > 0
  return seen
    .filter((verifier) => verifier.live || inDoubt)
    .map(({ id, n, epoch: held, algorithms, acceptsUntil }) => ({
      id,
      holds: held === epoch ? n : -1,
      algorithms,
      leaseUntil: acceptsUntil,
    }))
}
