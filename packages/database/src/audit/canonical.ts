import canonicalize from 'canonicalize'

/** An event as its row in the database holds it. */
export interface EventRow {
  id: string
  /** Milliseconds since the epoch. */
  at: number
  action: string
  outcome: string
  actor: string
  agent_id: string | null
  organization_id: string | null
  details: unknown
}

/** An event in its place in the chain, as its canonical text spells it. */
export interface ChainedEvent {
  seq: number
  id: string
  /** ISO 8601 with milliseconds, UTC. */
  at: string
  action: string
  outcome: string
  actor: string
  agentId?: string
  organizationId?: string
  details: Record<string, unknown>
  /** The hash of the event before it, in hexadecimal digits; zeros before the first. */
  previousHash: string
}

/** What stands before the first event. */
export const noHash = '0'.repeat(64)

/** The text that is hashed: RFC 8785, so that there is one for an event in its place and no other. */
export function canonicalText(row: EventRow, seq: number, previousHash: string): string {
  const event: ChainedEvent = {
    seq,
    id: row.id,
    at: new Date(row.at).toISOString(),
    action: row.action,
    outcome: row.outcome,
    actor: row.actor,
    ...(row.agent_id === null ? {} : { agentId: row.agent_id }),
    ...(row.organization_id === null ? {} : { organizationId: row.organization_id }),
    details: row.details as Record<string, unknown>,
    previousHash,
  }
  return canonicalize(event) as string
}

/** The end of a canonical text: no member of an event sorts behind these two. */
export interface Tail {
  seq: number
  previousHash: string
  /** Where the 64 digits of `previousHash` begin. */
  hashAt: number
}

const beforeSeq = Buffer.from('","seq":')
const beforeHash = Buffer.from(',"previousHash":"')
const [brace, zero, nine] = [0x7d, 0x30, 0x39]

/** Reads place and link without parsing the rest, which is what makes checking a million events a matter of seconds. */
export function readTail(text: Buffer): Tail | undefined {
  let at = text.length - 1
  if (text[at] !== brace) return undefined
  let seq = 0
  for (let scale = 1, digit = text[--at] ?? 0; digit >= zero && digit <= nine; scale *= 10, digit = text[--at] ?? 0) {
    seq += (digit - zero) * scale
  }
  const hashAt = at + 1 - beforeSeq.length - 64
  if (!endsWith(text, at + 1, beforeSeq) || !endsWith(text, hashAt, beforeHash)) return undefined
  return { seq, previousHash: text.toString('latin1', hashAt, hashAt + 64), hashAt }
}

// By hand: a call out of JavaScript would take longer than the few bytes do.
function endsWith(text: Buffer, end: number, part: Buffer): boolean {
  const start = end - part.length
  if (start < 0) return false
  for (let i = 0; i < part.length; i += 1) if (text[start + i] !== part[i]) return false
  return true
}
