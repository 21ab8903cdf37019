import { iso, lineOf, moment } from '@rekey/service'
import { z } from 'zod'

const name = lineOf(512)
const isoMoment = moment.transform(iso)

/** What can be denied. A key is revoked instead. */
export const denyEntry = z.union([
  z.strictObject({ jti: name, expiresAt: isoMoment.optional() }),
  z.strictObject({ sid: name, expiresAt: isoMoment.optional() }),
  z.strictObject({ sub: name, issuedBefore: isoMoment }),
  z.strictObject({ client_id: name, issuedBefore: isoMoment }),
  z.strictObject({ iss: name, issuedBefore: isoMoment }),
])

/**
 * One token, all tokens of a session, or all that a subject or a client got, or an issuer issued, before a moment; times are
 * ISO 8601.
 */
export type DenyEntry = z.infer<typeof denyEntry>

/**
 * For how long an entry that has ended is told all the same: a verifier may take a token for that long after its `exp`,
 * because its clock is behind or it tolerates as much.
 */
export const endedMarginMs = 300_000

export type DenyKind = 'jti' | 'sid' | 'sub' | 'client_id' | 'iss'

/** What stands in the database of an entry. */
export interface DenyRow {
  kind: DenyKind
  value: string
  /** Milliseconds since the epoch. */
  issuedBefore: number | null
  endsAt: number
}

export function kindOf(entry: DenyEntry): [DenyKind, string] {
  if ('jti' in entry) return ['jti', entry.jti]
  if ('sid' in entry) return ['sid', entry.sid]
  if ('sub' in entry) return ['sub', entry.sub]
  return 'iss' in entry ? ['iss', entry.iss] : ['client_id', entry.client_id]
}

/**
 * @param longestTokenMs for how long a token issued now can be good anywhere, different clocks included: an entry ends when
 *   the last token that it could match has expired
 */
export function rowOf(entry: DenyEntry, now: number, longestTokenMs: number): DenyRow {
  const [kind, value] = kindOf(entry)
  if ('issuedBefore' in entry) {
    const issuedBefore = Date.parse(entry.issuedBefore)
    return { kind, value, issuedBefore, endsAt: issuedBefore + longestTokenMs }
  }
  const expiresAt = entry.expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(entry.expiresAt)
  return { kind, value, issuedBefore: null, endsAt: Math.min(expiresAt, now + longestTokenMs) }
}

/** As verifiers are told it. */
export function toldOf({ kind, value, issuedBefore, endsAt }: DenyRow): DenyEntry {
  const told =
    issuedBefore === null
      ? { [kind]: value, expiresAt: iso(endsAt) }
      : { [kind]: value, issuedBefore: iso(issuedBefore) }
  return told as DenyEntry
}
