import type { ListedEvent } from '@rekey/database/offline'
import type { Behind, Integrity } from '../client/integrity.ts'
import { type Of, optionOf, ownerOf } from '../client/management.ts'
import type { Attention } from './attention.ts'

/** Whoever presents what is dead is not its holder, or a part of him that was forgotten. */
const dead = {
  'credential.tripwire': 'a dead secret',
  'registration_token.replayed': 'a registration access token that was replaced',
} as const

export type Tripwire = keyof typeof dead
export const tripwireActions = Object.keys(dead) as Tripwire[]

/** What the audit says of itself, and which dead secrets were presented in the last day. */
export interface AuditSeen extends Integrity {
  tripwires: ListedEvent[]
}

/** A chain that does not fit, and dead secrets that somebody presents. */
export function auditWorries({ tripwires, ...found }: AuditSeen, now: number): Attention[] {
  const secretOf = ({ action, agentId, details }: ListedEvent) => `${action} ${details.credentialId ?? agentId}`
  const byCredential = Object.values(Object.groupBy(tripwires, secretOf))
  return [...integrityWorries(found, now), ...byCredential.map((events) => tripwire(events as ListedEvent[]))]
}

/** A chain that does not fit, or is not looked after. */
export function integrityWorries({ integrity, brokenSince, behind }: Integrity, now: number, of?: Of): Attention[] {
  const broken = {
    what: `the audit${ownerOf(of)} is not whole: an event was changed or removed, or a checkpoint does not fit`,
    since: brokenSince ?? new Date(now).toISOString(),
    command: `rekey audit verify${optionOf(of)}`,
  }
  return [...(integrity === false ? [broken] : []), ...(behind ? lateness(behind, now, of) : [])]
}

const [aMinute, anHour] = [60, 3_600]
/** Instances read everything about each hour, one after the other, and with rests. */
const verifiedWithin = 24 * anHour

/** What does not happen although nothing is broken: nobody would miss it otherwise. */
function lateness({ waiting, verified, kept }: Behind, now: number, of: Of): Attention[] {
  const audit = `the audit${ownerOf(of)}`
  const verify = `rekey audit verify${optionOf(of)}`
  const worry = (isLate: boolean, seconds: number, what: string, command: string) =>
    isLate
      ? [{ what, since: new Date(now - (Number.isFinite(seconds) ? seconds * 1_000 : 0)).toISOString(), command }]
      : []
  const copy = `rekey audit export FILE${optionOf(of)}`
  return [
    ...worry(waiting > aMinute, waiting, `an event waits for its place in ${audit}: nothing is chained`, verify),
    ...worry(verified > verifiedWithin, verified, `${audit} was not read and found right`, verify),
    ...(Number.isFinite(kept)
      ? worry(
          kept > anHour,
          kept,
          `checkpoints of ${audit} cannot be kept outside the database (REKEY_AUDIT_CHECKPOINTS)`,
          copy,
        )
      : worry(true, kept, `no checkpoint of ${audit} is kept outside the database: set REKEY_AUDIT_CHECKPOINTS`, copy)),
  ]
}

function tripwire(events: readonly ListedEvent[]): Attention {
  const inOrder = events.toSorted((a, b) => a.seq - b.seq)
  const [first] = inOrder as [ListedEvent]
  const times = inOrder.reduce((sum, { details }) => sum + (typeof details.count === 'number' ? details.count : 1), 0)
  const addresses = [...new Set(inOrder.flatMap(({ details }) => details.address ?? []))]
  const from = addresses.length === 0 ? '' : ` from ${addressesText(addresses.map(String))}`
  // In a flood that was told without its agents the actor is `many`, which is nobody's name.
  const agent = first.agentId ?? (first.actor === 'many' ? undefined : first.actor)
  const [whose, filter] =
    agent === undefined ? ['agents that were not told apart', ''] : [`agent ${agent}`, ` --agent ${agent}`]
  return {
    what: `${dead[first.action as Tripwire]} of ${whose} was presented ${times === 1 ? 'once' : `${times} times`}${from}: it leaked, or a part of the client was forgotten`,
    since: first.at,
    command: `rekey audit list --action ${first.action}${filter}`,
  }
}

const namedAtMost = 3

function addressesText(addresses: readonly string[]): string {
  const more = addresses.length - namedAtMost
  return more > 0 ? `${addresses.slice(0, namedAtMost).join(', ')} and ${more} more` : addresses.join(', ')
}
