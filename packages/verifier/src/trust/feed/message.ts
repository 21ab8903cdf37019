import type { DenyEntry } from '../../deny/entry.ts'
import { readEntries } from '../../deny/parse.ts'
import { VerifyError } from '../../error.ts'
import type { Jwk } from '../../keys/jwk.ts'
import type { Revision } from '../source.ts'
import type { StreamEvent } from './event-stream.ts'

/** What an issuer denies from now on, and what it has taken back. */
export interface DeniedChange {
  readonly add: readonly DenyEntry[]
  readonly drop: readonly DenyEntry[]
}

/** One `trust` event of the feed. `full` is the whole set; otherwise only what changed since the last one. */
export interface TrustMessage extends Revision {
  readonly full: boolean
  /** A page of a full set, of which more follow. */
  readonly more: boolean
  readonly keys: readonly Jwk[] | undefined
  readonly revokedKids: readonly string[]
  readonly denied: DeniedChange
  /** The span in which each verifier chooses a moment to acknowledge; 0 where there are few. */
  readonly acknowledgeWithinMs: number
}

const malformed = (detail: string, cause?: unknown): VerifyError => new VerifyError('feed_failed', { detail, cause })

export function isRevision<T extends { epoch?: unknown; n?: unknown }>(value: T): value is T & Revision {
  return isCount(value.epoch) && isCount(value.n)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** Negative when `a` is older than `b`. The epoch counts first: within a new epoch `n` starts anew. */
export function compareRevisions(a: Revision, b: Revision): number {
  return a.epoch - b.epoch || a.n - b.n
}

interface Unread {
  readonly epoch?: unknown
  readonly n?: unknown
  readonly full?: unknown
  readonly more?: unknown
  readonly jwks?: unknown
  readonly revokedKids?: unknown
  readonly denied?: unknown
  readonly acknowledgeWithinMs?: unknown
}

function parse(data: string): Unread {
  try {
    const value: unknown = JSON.parse(data)
    if (value !== null && typeof value === 'object') return value
  } catch (cause) {
    throw malformed('an event is not JSON', cause)
  }
  throw malformed('an event is not an object')
}

function keysOf(jwks: unknown): readonly Jwk[] | undefined {
  if (jwks === undefined) return undefined
  const keys = (jwks as { keys?: unknown } | null)?.keys
  if (!Array.isArray(keys)) throw malformed('jwks is not a key set')
  return keys
}

function kidsOf(revokedKids: unknown): readonly string[] {
  if (revokedKids === undefined) return []
  if (Array.isArray(revokedKids) && revokedKids.every((kid) => typeof kid === 'string')) return revokedKids
  throw malformed('revokedKids is not an array of strings')
}

/**
 * An entry of a kind that is not known here is refused with the whole event, and so the set is not acknowledged: an issuer
 * that counts on it being denied must not be told that it is. So an issuer has a new kind only once its verifiers know
 * it; the acknowledgement of each names its version.
 */
function deniedOf(denied: unknown): DeniedChange {
  if (denied === undefined) return { add: [], drop: [] }
  if (denied === null || typeof denied !== 'object') throw malformed('denied is not an object')
  const { add = [], drop = [] } = denied as { add?: unknown; drop?: unknown }
  return {
    add: readEntries(add, 'denied.add', 'feed_failed'),
    drop: readEntries(drop, 'denied.drop', 'feed_failed'),
  }
}

/** A span beyond this would cost leases. */
const LONGEST_SPREAD_MS = 2_000

function spreadOf(acknowledgeWithinMs: unknown): number {
  if (acknowledgeWithinMs === undefined) return 0
  if (isCount(acknowledgeWithinMs)) return Math.min(acknowledgeWithinMs, LONGEST_SPREAD_MS)
  throw malformed('acknowledgeWithinMs is not a count')
}

/** Reads an event in full before any of it is applied; members it does not know are left alone. */
export function parseTrustMessage(event: StreamEvent): TrustMessage {
  const value = parse(event.data)
  if (!isRevision(value)) throw malformed('epoch or n is not a count')
  const { epoch, n, full, more = false, jwks, revokedKids, denied, acknowledgeWithinMs } = value
  if (event.id !== undefined && event.id !== `${epoch}.${n}`) throw malformed('the id is not that of the revision')
  if (typeof full !== 'boolean' || typeof more !== 'boolean') throw malformed('full or more is not a boolean')
  if (more && !full) throw malformed('only a full set comes in pages')
  const keys = keysOf(jwks)
  if (full && !more && keys === undefined) throw malformed('a full set without jwks')
  return {
    epoch,
    n,
    full,
    more,
    keys,
    revokedKids: kidsOf(revokedKids),
    denied: deniedOf(denied),
    acknowledgeWithinMs: spreadOf(acknowledgeWithinMs),
  }
}
