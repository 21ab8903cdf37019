import type { ListedEvent, Verdict } from '@rekey/database/offline'
import { type ManagementClient, type Of, ownerOf, pathAt } from './management.ts'
import { readPages } from './pages.ts'

/** Which events to list; the members of the query as the API names them. */
export type EventFilter = Partial<
  Record<'action' | 'outcome' | 'actor' | 'agentId' | 'from' | 'to' | 'order' | 'cursor', string>
>

// A million events are read and hashed in some seconds; a chain of many years must not look like a server that hangs.
const verifiedWithinMs = 290_000

const scope = 'audit:read'

/**
 * Events of the caller's organization, at most so many. Of what happened since `waitingSince` some may not be listed yet; an IdP of an
 * earlier release does not tell that.
 */
export async function listEvents(client: ManagementClient, filter: EventFilter, limit: number, of?: Of) {
  const failure = `the audit${ownerOf(of)} cannot be read`
  const listing = { ...pathAt(of, '/audit'), scope, query: filter, failure, limit } as const
  type Reply = { events: ListedEvent[]; nextCursor: string | null; waitingSince?: string | null }
  const waits: string[] = []
  const { entries, nextCursor } = await readPages(client, listing, (reply: Reply) => {
    if (reply.waitingSince) waits.push(reply.waitingSince)
    return reply.events
  })
  return { events: entries, nextCursor, waitingSince: waits.toSorted()[0] }
}

/** Has an instance verify the whole chain in its database, and its checkpoints outside of it. */
export async function verifyChain(client: ManagementClient, of?: Of): Promise<Verdict> {
  return await client.call<Verdict>({
    method: 'GET',
    ...pathAt(of, '/audit/verify'),
    scope,
    failure: `the audit${ownerOf(of)} cannot be verified`,
    replyWithinMs: verifiedWithinMs,
  })
}

/** How far the audit is signed, and how long it is. An IdP of an earlier release does not tell the last two. */
export interface NewestCheckpoint {
  size: number
  chained?: number
  integrity?: boolean
}

/** The newest checkpoint, and what the instance knows of the chain. */
export async function readCheckpoint(client: ManagementClient, of?: Of): Promise<NewestCheckpoint> {
  const failure = `it cannot be read how far the audit${ownerOf(of)} is signed`
  return await client.call<NewestCheckpoint>({ method: 'GET', ...pathAt(of, '/audit/checkpoint'), scope, failure })
}

/** The whole chain, a canonical text a line, and at the end its signed checkpoint. */
export async function exportChain(client: ManagementClient, of?: Of): Promise<AsyncIterable<Uint8Array>> {
  const failure = `the audit${ownerOf(of)} cannot be exported`
  return await client.stream({ ...pathAt(of, '/audit/export'), scope, failure })
}

/** An event with the proof that it stands in the chain. */
export async function proveEvent<Proof>(client: ManagementClient, id: string, of?: Of): Promise<Proof> {
  return await client.call<Proof>({
    method: 'GET',
    ...pathAt(of, `/audit/events/${encodeURIComponent(id)}/proof`),
    scope,
    failure: `event ${id} cannot be proven`,
  })
}
