import { type Kysely, type SelectQueryBuilder, sql } from 'kysely'
import type { DatabaseTables } from '../tables.ts'
import type { ChainedEvent } from './canonical.ts'

/** An event as its text in the chain tells it, with the hash of that text. */
export interface ListedEvent extends ChainedEvent {
  hash: string
}

/** Which events. What is not given does not limit. */
export interface EventFilter {
  action?: string
  outcome?: string
  actor?: string
  agentId?: string
  /** Milliseconds since the epoch: not before. */
  from?: number
  /** Before. */
  to?: number
  /** Whose events. */
  organization: string
  /** Also those that belong to no organization. */
  withUnowned: boolean
}

export interface EventPage {
  events: ListedEvent[]
  /** Give it as `after` to read on; null when there was no more. In ascending order one may ask again later. */
  next: number | null
}

type Chained = DatabaseTables & { e: DatabaseTables['audit_events']; c: DatabaseTables['audit_chain'] }
type Select = SelectQueryBuilder<Chained, 'c' | 'e', { text: string; hash: string }>

/**
 * Events of the chain, by their places. Those that wait for theirs (a second at most) are not among them, so that who reads
 * in ascending order never misses one.
 */
export async function listEvents<T extends DatabaseTables>(
  db: Kysely<T>,
  filter: EventFilter,
  { after, limit, order }: { after?: number; limit: number; order: 'asc' | 'desc' },
): Promise<EventPage> {
  let query = filtered(select(db), filter)
    .orderBy('c.seq', order)
    .limit(limit + 1)
  if (after !== undefined) query = query.where('c.seq', order === 'asc' ? '>' : '<', after)
  const events = (await query.execute()).map(listed)
  const page = events.slice(0, limit)
  return { events: page, next: events.length > limit ? (page.at(-1)?.seq ?? null) : null }
}

/** One event, if it has its place already. */
export async function findEvent<T extends DatabaseTables>(db: Kysely<T>, id: string): Promise<ListedEvent | undefined> {
  const row = await select(db).where('c.event_id', '=', id).executeTakeFirst()
  return row && listed(row)
}

function select<T extends DatabaseTables>(db: Kysely<T>): Select {
  return (db as unknown as Kysely<DatabaseTables>)
    .selectFrom('audit_chain as c')
    .innerJoin('audit_events as e', 'e.id', 'c.event_id')
    .select(['c.text', sql<string>`encode(c.hash, 'hex')`.as('hash')]) as unknown as Select
}

function filtered(query: Select, filter: EventFilter): Select {
  const { organization, withUnowned, from, to } = filter
  const exact = {
    'e.action': filter.action,
    'e.outcome': filter.outcome,
    'e.actor': filter.actor,
    'e.agent_id': filter.agentId,
  }
  let narrowed = query.where((e) =>
    e.or([e('e.organization_id', '=', organization), ...(withUnowned ? [e('e.organization_id', 'is', null)] : [])]),
  )
  for (const [column, value] of Object.entries(exact)) {
    if (value !== undefined) narrowed = narrowed.where(column as keyof typeof exact, '=', value)
  }
  if (from !== undefined) narrowed = narrowed.where('e.at', '>=', sql<number>`${new Date(from)}`)
  if (to !== undefined) narrowed = narrowed.where('e.at', '<', sql<number>`${new Date(to)}`)
  return narrowed
}

const listed = ({ text, hash }: { text: string; hash: string }): ListedEvent => ({ ...JSON.parse(text), hash })
