import type { VerifierView } from '../client/keyring.ts'
import type { Attention, Seen } from './attention.ts'

// A renewal's period: whoever is behind for longer did not get at its next one what was pushed to him before.
const slowAfterMs = 5_000
// A lease: whoever asked within it is there.
const askedLatelyMs = 15_000

/** A verifier that is gone, one that is slow, and one that refuses what is signed now. */
export function verifierWorries(verifier: VerifierView, seen: Seen, now: number): Attention[] {
  const absent = gone(verifier, now)
  return [...(absent.length > 0 ? absent : slow(verifier, now)), ...unwilling(verifier, seen, now)]
}

function gone(verifier: VerifierView, now: number): Attention[] {
  const { id, leaseUntil, seenAt } = verifier
  if (Date.parse(leaseUntil) > now) return []
  if (seenAt !== undefined && now - Date.parse(seenAt) < askedLatelyMs) return []
  const what = `verifier ${id} has not renewed its lease: it is down or cut off`
  return [{ what, since: leaseUntil, command: forgetting(verifier, now) }]
}

function slow(verifier: VerifierView, now: number): Attention[] {
  const { id, behindSince } = verifier
  if (!behindSince || now - Date.parse(behindSince) < slowAfterMs) return []
  const what = `verifier ${id} asks for its lease, but does not hold the newest keys`
  return [{ what, since: behindSince, command: forgetting(verifier, now) }]
}

/** A gate waits for it as long as it may accept by what it knows; later there is nothing to forget. */
function forgetting({ id, acceptsUntil }: VerifierView, now: number): string | null {
  return acceptsUntil !== undefined && Date.parse(acceptsUntil) > now ? `rekey verifier forget ${id}` : null
}

function unwilling(verifier: VerifierView, seen: Seen, now: number): Attention[] {
  const algorithm = seen.issuance?.algorithm
  const isGone = Date.parse(verifier.leaseUntil) <= now
  if (algorithm === undefined || isGone || allows(verifier, algorithm)) return []
  return [
    {
      what: `verifier ${verifier.id} does not allow ${algorithm}, by which access tokens are signed: it refuses them all`,
      since: verifier.seenAt ?? verifier.leaseUntil,
      command: agreeable(seen, now),
    },
  ]
}

/** None named: it has not said, and nothing is known against it. */
function allows({ algorithms = [] }: VerifierView, algorithm: string): boolean {
  return algorithms.length === 0 || algorithms.includes(algorithm)
}

/** The move to a keyring whose algorithm every live verifier allows, if there is one. */
function agreeable({ keyrings, verifiers }: Seen, now: number): string | null {
  const live = verifiers.filter(({ leaseUntil }) => Date.parse(leaseUntil) > now)
  const found = keyrings.find(
    ({ kind, algorithm }) =>
      kind === 'signing-key' && algorithm !== undefined && live.every((verifier) => allows(verifier, algorithm)),
  )
  return found ? `rekey issue-with ${found.name}` : null
}
