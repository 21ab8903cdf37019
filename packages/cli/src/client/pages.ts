import type { ManagementClient, Of, Scopes } from './management.ts'

/** What a list's reply leads on with: `?cursor=` asks for what comes after. */
export interface Page {
  nextCursor: string | null
}

/** Which list, and how much of it. */
export interface Listing {
  of?: Of
  /** As that of a call: `/agents`. */
  path: string
  scope: Scopes
  /** The members of the query; what is undefined is not asked for. */
  query: Readonly<Record<string, string | undefined>>
  failure: string
  /** At most so many entries; as many pages are read as that takes. */
  limit: number
}

// The server's own upper bound.
const largestPage = 200

/** Reads a list page by page. `nextCursor` is null when that was all. */
export async function readPages<Reply extends Page, Entry>(
  client: ManagementClient,
  listing: Listing,
  entriesOf: (reply: Reply) => Entry[],
): Promise<{ entries: Entry[]; nextCursor: string | null }> {
  const entries: Entry[] = []
  let nextCursor: string | null = listing.query.cursor ?? null
  do {
    const limit = String(Math.min(listing.limit - entries.length, largestPage))
    const query = queryOf({ ...listing.query, limit, cursor: nextCursor ?? undefined })
    const { of, scope, failure } = listing
    const path = `${listing.path}?${query}`
    const reply = await client.call<Reply>({ method: 'GET', of, path, scope, failure })
    entries.push(...entriesOf(reply))
    nextCursor = reply.nextCursor
  } while (nextCursor !== null && entries.length < listing.limit)
  return { entries, nextCursor }
}

function queryOf(members: Listing['query']): URLSearchParams {
  const given = Object.entries(members).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return new URLSearchParams(given)
}
