import type { TrustRevision, VerifierView } from '../client/keyring.ts'

/**
 * Whether there is something newer than what a verifier last said it holds. Before it asks again nobody tells it so: until
 * then it does not count as one that is behind, and it may be cut off and never ask.
 */
export function hasMissed({ revision }: VerifierView, newest: TrustRevision | undefined): boolean {
  return newest !== undefined && revisionText(revision) !== revisionText(newest)
}

/** For how long a verifier may go on by what it knows, in milliseconds: by its lease, or by the ceiling that it chose. */
export function acceptsForMs({ leaseUntil, acceptsUntil = leaseUntil }: VerifierView, now: number): number {
  return Math.max(0, Date.parse(leaseUntil) - now, Date.parse(acceptsUntil) - now)
}

/** A revision as it stands in the feed's event ids. */
export function revisionText(revision: VerifierView['revision']): string {
  return typeof revision === 'string' ? revision : `${revision.epoch}.${revision.n}`
}
