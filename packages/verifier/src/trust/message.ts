import { VerifyError } from '../error.ts'
import type { Jwk } from '../keys/jwk.ts'
import type { StreamEvent } from './event-stream.ts'
import type { Revision } from './source.ts'

/** One `trust` event of the feed. `full` is the whole set; otherwise only what changed since the last one. */
export interface TrustMessage extends Revision {
  readonly full: boolean
  readonly keys: readonly Jwk[] | undefined
  readonly revokedKids: readonly string[]
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
  readonly jwks?: unknown
  readonly revokedKids?: unknown
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
  const { epoch, n, full, jwks, revokedKids, acknowledgeWithinMs } = value
  if (event.id !== undefined && event.id !== `${epoch}.${n}`) throw malformed('the id is not that of the revision')
  if (typeof full !== 'boolean') throw malformed('full is not a boolean')
  const keys = keysOf(jwks)
  if (full && keys === undefined) throw malformed('a full set without jwks')
  return { epoch, n, full, keys, revokedKids: kidsOf(revokedKids), acknowledgeWithinMs: spreadOf(acknowledgeWithinMs) }
}
