import type { DenyEntry, DenyKind } from './entry.ts'

/** How far clocks may differ, or be tolerated to, before an entry would be forgotten too early. */
const MARGIN_S = 300

/**
 * An entry in the form in which it is looked up. `bound`, in seconds since the Unix epoch, is the end of the last token
 * concerned (jti, sid), the first `iat` that is not concerned (sub, client_id, iss), or infinite (kid, and an entry that takes back).
 */
export interface Denial {
  readonly kind: DenyKind
  readonly name: string
  readonly bound: number
}

export const isIssuedBefore = (kind: DenyKind): boolean => kind === 'sub' || kind === 'client_id' || kind === 'iss'

/** Rounded up, which denies more rather than less; and the `iat` of most tokens is in whole seconds anyway. */
const secondsOf = (iso: string): number => Math.ceil(Date.parse(iso) / 1000)
export const isoOf = (seconds: number): string => new Date(seconds * 1000).toISOString()

/** @param otherwise the bound of a token or a session where the entry names none */
export function denialOf(entry: DenyEntry, otherwise: number): Denial {
  if ('kid' in entry) return { kind: 'kid', name: entry.kid, bound: Number.POSITIVE_INFINITY }
  if ('sub' in entry) return { kind: 'sub', name: entry.sub, bound: secondsOf(entry.issuedBefore) }
  if ('client_id' in entry) return { kind: 'client_id', name: entry.client_id, bound: secondsOf(entry.issuedBefore) }
  if ('iss' in entry) return { kind: 'iss', name: entry.iss, bound: secondsOf(entry.issuedBefore) }
  const bound = entry.expiresAt === undefined ? otherwise : secondsOf(entry.expiresAt)
  return 'jti' in entry ? { kind: 'jti', name: entry.jti, bound } : { kind: 'sid', name: entry.sid, bound }
}

export function entryOf({ kind, name, bound }: Denial): DenyEntry {
  if (bound === Number.POSITIVE_INFINITY) return { [kind]: name } as unknown as DenyEntry
  const time = isIssuedBefore(kind) ? 'issuedBefore' : 'expiresAt'
  return { [kind]: name, [time]: isoOf(bound) } as unknown as DenyEntry
}

/** When an entry can match nothing any more, in seconds since the epoch. */
export function untilOf(kind: DenyKind, bound: number, longestTokenS: number): number {
  return bound + MARGIN_S + (isIssuedBefore(kind) ? longestTokenS : 0)
}
