import type { AuditEvent } from '@rekey/database'
import { storable } from '@rekey/service'

/** What may happen a thousand times a second, because anybody can make it happen. */
export interface GatheredEvent extends Omit<AuditEvent, 'details'> {
  /** Why, in a few words of ours. */
  cause: string
  /** Where the request came from. */
  address?: string
  /** Who the caller says he is: that becomes the actor if there is such an agent. */
  claims?: string
  /** Nothing that a caller chooses freely: what differs in it is an event of its own. */
  details?: Record<string, unknown>
}

/** Events that say the same. */
export interface Counted {
  key: string
  event: GatheredEvent
  /** Since it was last written. */
  count: number
  firstAt: number
  lastAt: number
  /** Is remembered after it was written, so that the next one is known to be a repetition. */
  stays: boolean
}

/** So many sorts are told apart in a window: of nobody in particular, and of known agents by each action. */
const [mostSorts, mostOfAgents] = [500, 2_000]
/** So many of one address; of one credential of an agent, or with a claim, of which those that are nobody's become one event. */
const [mostOfAddress, mostOfOne] = [10, 50]
const longestText = 300

/**
 * Counts events that say the same. A flood of names must not fill the audit: beyond some sorts of one address those that follow
 * are told without the name, beyond many sorts without the address too.
 *
 * What is known to be of an agent has room of its own, which nobody can take by names that he makes up: beyond some sorts of one
 * credential those that follow are told without the address, but with the agent.
 */
export class Tally {
  readonly #entries = new Map<string, Counted>()
  /** How many entries there are of each room, and how many were begun in this window of each part of one. */
  readonly #inRoom = new Map<string, number>()
  readonly #ofPart = new Map<string, number>()

  /** @returns the entry, and whether it is the first of its sort */
  note(event: GatheredEvent, now: number, stays: boolean): { entry: Counted; isFirst: boolean } {
    const own = keyOf(event)
    const isTold = this.#entries.has(own) || this.#hasRoomFor(event)
    const told = isTold ? event : this.#isFull(event) ? unnamed(event) : shortened(event)
    const key = isTold ? own : keyOf(told)
    const known = this.#entries.get(key)
    const entry = known ?? this.#begin(told, key, stays && isTold)
    entry.lastAt = now
    if (entry.count === 0) entry.firstAt = now
    entry.count += 1
    return { entry, isFirst: known === undefined }
  }

  /** What was not written yet, as it stands now. */
  pending(): Counted[] {
    return [...this.#entries.values()].filter(({ count }) => count > 0)
  }

  /** @param written as they stood when they were written; what came since is left */
  forget(written: readonly Counted[]): void {
    for (const { key, count, lastAt } of written) {
      const entry = this.#entries.get(key)
      if (!entry) continue
      entry.count -= count
      entry.firstAt = lastAt
      if (entry.count === 0 && !entry.stays) this.#drop(entry)
    }
  }

  /** What did not happen again is a first time when it does. */
  endWindow(): void {
    for (const entry of this.#entries.values()) if (entry.count === 0) this.#drop(entry)
    this.#ofPart.clear()
  }

  #begin(event: GatheredEvent, key: string, stays: boolean): Counted {
    const entry = { key, event: storable<GatheredEvent>(JSON.parse(key)), count: 0, firstAt: 0, lastAt: 0, stays }
    this.#entries.set(key, entry)
    add(this.#inRoom, roomOf(event), 1)
    add(this.#ofPart, partOf(event), 1)
    return entry
  }

  #drop({ key, event }: Counted): void {
    this.#entries.delete(key)
    add(this.#inRoom, roomOf(event), -1)
  }

  #hasRoomFor(event: GatheredEvent): boolean {
    const isFreelyNamed = agentOf(event) === undefined && event.claims === undefined
    const most = isFreelyNamed ? mostOfAddress : mostOfOne
    return !this.#isFull(event) && (this.#ofPart.get(partOf(event)) ?? 0) < most
  }

  #isFull(event: GatheredEvent): boolean {
    const most = agentOf(event) === undefined ? mostSorts : mostOfAgents
    return (this.#inRoom.get(roomOf(event)) ?? 0) >= most
  }
}

function add(counts: Map<string, number>, name: string, count: number): void {
  counts.set(name, (counts.get(name) ?? 0) + count)
}

/** An actor whose organization is known has authenticated: he made no name up. */
function agentOf({ agentId, organizationId, actor }: GatheredEvent): string | undefined {
  return agentId ?? (organizationId === undefined ? undefined : actor)
}

function roomOf(event: GatheredEvent): string {
  return agentOf(event) === undefined ? '' : event.action
}

function partOf(event: GatheredEvent): string {
  const { action, address, claims, details } = event
  const agent = agentOf(event)
  return JSON.stringify(agent === undefined ? [address, claims !== undefined] : [action, agent, details?.credentialId])
}

/** Without what whoever causes it may make up. */
function shortened(event: GatheredEvent): GatheredEvent {
  if (agentOf(event) === undefined) return { ...unnamed(event), address: event.address }
  const { address: _, details, ...same } = event
  return { ...same, details: { credentialId: details?.credentialId } }
}

function unnamed({ action, outcome, cause }: GatheredEvent): GatheredEvent {
  return { action, outcome, actor: 'many', cause }
}

/** All that it says, each text of it cut to a length that somebody may read. */
function keyOf(event: GatheredEvent): string {
  return JSON.stringify(event, (_name, value) => (typeof value === 'string' ? value.slice(0, longestText) : value))
}
