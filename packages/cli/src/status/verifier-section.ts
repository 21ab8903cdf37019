import type { TrustRevision, VerifierView } from '../client/keyring.ts'
import { span } from '../terminal/span.ts'
import { table } from '../terminal/table.ts'
import type { Seen } from './attention.ts'
import { leaseText } from './lease.ts'
import { acceptsForMs, hasMissed, revisionText } from './trust.ts'

/** The verifiers and what each of them goes by. */
export function verifierSection({ verifiers, newest }: Seen, now: number): string {
  if (verifiers.length === 0) return 'Verifiers\n  none has a lease'
  const rows = verifiers.map((verifier) => [
    verifier.id,
    verifier.library,
    revisionText(verifier.revision),
    leaseText(Date.parse(verifier.leaseUntil) - now),
    (verifier.algorithms ?? []).join(' '),
    trustText(verifier, newest, now),
  ])
  return ['Verifiers', table(['VERIFIER', 'LIBRARY', 'REVISION', 'LEASE', 'ALLOWS', 'TRUST'], rows)].join('\n')
}

/** Whether it holds what is newest; without a lease, for how long it may go on by what it held last. */
function trustText(verifier: VerifierView, newest: TrustRevision | undefined, now: number): string {
  const leftMs = acceptsForMs(verifier, now)
  const isBehind = hasMissed(verifier, newest)
  if (Date.parse(verifier.leaseUntil) <= now) {
    if (leftMs === 0) return 'refuses'
    return `accepts for ${span(leftMs)} more${isBehind ? ', behind' : ''}`
  }
  // That it is behind it learns when it asks, and from then on it is counted for how long.
  if (verifier.behindSince) return `behind for ${span(now - Date.parse(verifier.behindSince))}`
  if (!isBehind) return 'newest'
  return verifier.seenAt ? `behind, asked ${span(now - Date.parse(verifier.seenAt))} ago` : 'behind'
}
