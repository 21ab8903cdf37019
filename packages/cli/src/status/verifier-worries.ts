import type { VerifierView } from '../client/keyring.ts'
import type { Attention, Seen } from './attention.ts'
import { acceptsForMs, hasMissed } from './trust.ts'

// A renewal's period: whoever is behind for longer did not get at its next one what was pushed to him before.
const slowAfterMs = 5_000
// A lease: whoever asked within it is there.
const askedLatelyMs = 15_000

const harm = 'it may still accept a key that was revoked, or refuse one that is in use'

/** A verifier that missed something, one that is gone, one that is slow, and one that refuses what is signed now. */
export function verifierWorries(verifier: VerifierView, seen: Seen, now: number): Attention[] {
  const found = missed(verifier, seen, now) ?? gone(verifier, now) ?? slow(verifier, now)
  return [...(found ? [found] : []), ...unwilling(verifier, seen, now)]
}

/** The dangerous one: what it goes by is not what holds. */
function missed(verifier: VerifierView, { newest }: Seen, now: number): Attention | undefined {
  const { id, behindSince, grantedAt, seenAt, leaseUntil } = verifier
  if (!hasMissed(verifier, newest) || acceptsForMs(verifier, now) === 0) return undefined
  // It held what was newest when it was granted its lease: it cannot be behind for longer.
  const since = behindSince ?? grantedAt ?? seenAt ?? leaseUntil
  if (now - Date.parse(since) <= slowAfterMs) return undefined
  const state = behindSince
    ? 'asks for its lease, but does not hold the newest keys'
    : 'has missed the newest trust set'
  const absent = gone(verifier, now)
  const what = absent ? `${absent.what}, and has missed the newest trust set` : `verifier ${id} ${state}`
  return { what: `${what}: ${harm}`, since, command: forgetting(verifier, now) }
}

/** To be forgotten in any case: it clears the list. */
function gone({ id, leaseUntil, seenAt }: VerifierView, now: number): Attention | undefined {
  if (Date.parse(leaseUntil) > now) return undefined
  if (seenAt !== undefined && now - Date.parse(seenAt) < askedLatelyMs) return undefined
  const what = `verifier ${id} has not renewed its lease: it is down or cut off`
  return { what, since: leaseUntil, command: `rekey verifier forget ${id}` }
}

function slow(verifier: VerifierView, now: number): Attention | undefined {
  const { id, behindSince } = verifier
  if (!behindSince || now - Date.parse(behindSince) < slowAfterMs) return undefined
  const what = `verifier ${id} asks for its lease, but does not hold the newest keys`
  return { what, since: behindSince, command: forgetting(verifier, now) }
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
