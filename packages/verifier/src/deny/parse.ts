import { VerifyError, type VerifyErrorCode } from '../error.ts'
import type { DenyEntry, DenyKind } from './entry.ts'
import { momentMs } from './moment.ts'

const MOST_ENTRIES = 10_000
const LONGEST_NAME = 512

const TIME_OF = {
  kid: undefined,
  jti: 'expiresAt',
  sid: 'expiresAt',
  sub: 'issuedBefore',
  client_id: 'issuedBefore',
  iss: 'issuedBefore',
} as const satisfies Record<DenyKind, string | undefined>
const KINDS = Object.keys(TIME_OF) as DenyKind[]

type Refuse = (detail: string) => VerifyError

/**
 * Reads entries that somebody sent: `{kid}`, `{jti}` or `{sid}` (with `expiresAt`, where it is known), `{sub, issuedBefore}`,
 * `{client_id, issuedBefore}` or `{iss, issuedBefore}`. Times are ISO 8601 with a zone, or a number of seconds since the Unix epoch (of milliseconds
 * where it is larger than 1e11); they become ISO 8601 in UTC.
 *
 * @throws {VerifyError} `deny_entry_invalid`, which names the place and never what stands there: also for a member that is
 *   unknown, because a misspelt one would deny something else than was meant; and for more than 10,000 entries.
 */
export function parseDenyEntries(value: unknown): DenyEntry[] {
  if (Array.isArray(value) && value.length > MOST_ENTRIES) {
    throw new VerifyError('deny_entry_invalid', { detail: `entries: more than ${MOST_ENTRIES} at a time` })
  }
  return readEntries(value, 'entries', 'deny_entry_invalid')
}

/** The same for any number of them, wherever they came from. */
export function readEntries(value: unknown, place: string, code: VerifyErrorCode): DenyEntry[] {
  if (!Array.isArray(value)) throw new VerifyError(code, { detail: `${place} is not an array` })
  return value.map((one, index) => readEntry(one, `${place}[${index}]`, code))
}

export function readEntry(value: unknown, place: string, code: VerifyErrorCode): DenyEntry {
  const refuse: Refuse = (detail) => new VerifyError(code, { detail: `${place}: ${detail}` })
  if (value === null || typeof value !== 'object') throw refuse('not an object')
  const members = value as Record<string, unknown>
  const kind = kindOf(members, refuse)
  const time = TIME_OF[kind]
  for (const member in members) {
    if (member !== kind && member !== time) throw refuse(`a member that does not belong to an entry of ${kind}`)
  }
  const name = members[kind]
  if (typeof name !== 'string' || name === '' || name.length > LONGEST_NAME) {
    throw refuse(`${kind} is not a string of 1 to ${LONGEST_NAME} characters`)
  }
  return { [kind]: name, ...timeOf(time, members, refuse) } as unknown as DenyEntry
}

function kindOf(members: Record<string, unknown>, refuse: Refuse): DenyKind {
  const [kind, another] = KINDS.filter((name) => members[name] !== undefined)
  if (kind !== undefined && another === undefined) return kind
  throw refuse('not exactly one of kid, jti, sid, sub, client_id and iss')
}

function timeOf(time: 'expiresAt' | 'issuedBefore' | undefined, members: Record<string, unknown>, refuse: Refuse) {
  if (time === undefined) return {}
  const value = members[time]
  if (value === undefined && time === 'expiresAt') return {}
  if (value === undefined) throw refuse(`${time} is missing`)
  const ms = momentMs(value)
  if (ms === undefined) throw refuse(`${time} is neither ISO 8601 with a zone nor a number of seconds`)
  return { [time]: new Date(ms).toISOString() }
}
