import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DatabaseTables } from '../tables.ts'
import type { ChainedEvent } from './canonical.ts'
import { waitingLongest } from './glance.ts'
import { ownTables } from './own-tables.ts'

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
  /** Whose events; those of every organization where it is undefined. */
  organization: string | undefined
  /** Also those that belong to no organization. */
  withUnowned: boolean
}

/** A part of them: `limit` at most, those before or after a place (`seq`) as the order has it. */
export interface EventRange {
  after?: number | undefined
  limit: number
  order: 'asc' | 'desc'
}

/** What was found, and where the search was broken off, if it was: there may be more behind that place. */
export interface EventPage {
  events: ListedEvent[]
  stoppedAt?: number
  /** Since when the oldest event waits that had no place yet, in milliseconds since the epoch; null when none did. */
  waitingSince: number | null
}

type Db = Kysely<DatabaseTables>
type Row = { seq: number; text: string; hash: string }

/** So many events are looked up one by one and sorted; of more it is quicker to go over the chain. */
const fewAtMost = 50_000
/** Places that are gone over at first, then in each further step, and steps. A request must not take longer than seconds. */
const usualSteps = { first: 2000, further: 20_000, most: 10 }

/**
 * Events of the chain, by their places. Those that wait for theirs (a second at most) are not among them, so that who reads
 * in ascending order never misses one.
 *
 * No index holds events by what is asked for and by their places at once. So the nearest places are gone over first; where
 * that is not enough the events themselves are looked up, if they are few; and if they are many the search goes on, part by
 * part, and may end before it found as many as are wanted.
 */
export async function listEvents<T extends DatabaseTables>(
  database: Kysely<T>,
  filter: EventFilter,
  range: EventRange,
  steps = usualSteps,
): Promise<EventPage> {
  const db = ownTables(database)
  const { last, waitingSince } = await endOfChain(db)
  const [step, end] = range.order === 'asc' ? [1, last] : [-1, 1]
  let at = range.after === undefined ? (step === 1 ? 1 : last) : range.after + step
  const found: Row[] = []
  for (let taken = 0; (end - at) * step >= 0 && found.length < range.limit; taken += 1) {
    if (taken > steps.most) return { events: found.map(listed), stoppedAt: at - step, waitingSince }
    const few = taken === 1 ? await ifFew(db, filter, range) : undefined
    if (few) return { events: few.map(listed), waitingSince }
    const to = at + step * ((taken === 0 ? steps.first : steps.further) - 1)
    found.push(...(await within(db, filter, [at, to], { ...range, limit: range.limit - found.length })))
    at = to + step
  }
  return { events: found.map(listed), waitingSince }
}

/** One event, if it has its place already. */
export async function findEvent<T extends DatabaseTables>(
  database: Kysely<T>,
  id: string,
): Promise<ListedEvent | undefined> {
  const { rows } = await sql<Row>`
    SELECT c.seq, c.text, encode(c.hash, 'hex') AS hash FROM audit_chain c
    WHERE c.event_id = ${id} AND EXISTS (SELECT FROM audit_events e WHERE e.id = c.event_id)`.execute(
    ownTables(database),
  )
  return rows[0] && listed(rows[0])
}

async function endOfChain(db: Db): Promise<{ last: number; waitingSince: number | null }> {
  const { rows } = await sql<{ last: number; waitingSince: number | null }>`
    SELECT coalesce(max(seq), 0) AS last, (${waitingLongest}) AS "waitingSince" FROM audit_chain`.execute(db)
  return rows[0] ?? { last: 0, waitingSince: null }
}

/** Those of a part of the chain: place by place, until there are enough. OFFSET 0 keeps the planner from other ways. */
async function within(
  db: Db,
  filter: EventFilter,
  ends: [number, number],
  { order, limit }: EventRange,
): Promise<Row[]> {
  const [from, to] = order === 'asc' ? ends : ends.toReversed()
  const { rows } = await sql<Row>`
    SELECT c.seq, c.text, encode(c.hash, 'hex') AS hash
    FROM (SELECT * FROM audit_chain WHERE seq BETWEEN ${from} AND ${to} ORDER BY seq ${sql.raw(order)} OFFSET 0) AS c
      CROSS JOIN LATERAL (SELECT FROM audit_events e WHERE e.id = c.event_id AND ${wanted(filter)} OFFSET 0) AS e
    ORDER BY c.seq ${sql.raw(order)} LIMIT ${limit}`.execute(db)
  return rows
}

/** By the events' own indexes; nothing when they are too many. */
async function ifFew(db: Db, filter: EventFilter, { order, after, limit }: EventRange): Promise<Row[] | undefined> {
  const beyond = after === undefined ? sql`true` : sql`c.seq ${sql.raw(order === 'asc' ? '>' : '<')} ${after}`
  const { rows } = await sql<Omit<Row, 'seq'> & { seq: number | null }>`
    WITH few AS MATERIALIZED (SELECT id FROM audit_events e WHERE ${wanted(filter)} LIMIT ${fewAtMost + 1})
    SELECT c.seq, c.text, encode(c.hash, 'hex') AS hash
    FROM (SELECT count(*) AS n FROM few) AS counted LEFT JOIN LATERAL (
      SELECT c.seq, c.text, c.hash
      FROM few CROSS JOIN LATERAL (SELECT * FROM audit_chain c WHERE c.event_id = few.id OFFSET 0) AS c
      WHERE ${beyond} ORDER BY c.seq ${sql.raw(order)} LIMIT ${limit}) AS c ON true
    WHERE n <= ${fewAtMost} ORDER BY c.seq ${sql.raw(order)}`.execute(db)
  return rows.length === 0 ? undefined : rows.filter((row): row is Row => row.seq !== null)
}

function wanted({ organization, withUnowned, from, to, ...exact }: EventFilter): RawBuilder<unknown> {
  const owned =
    organization === undefined ? sql`e.organization_id IS NOT NULL` : sql`e.organization_id = ${organization}`
  const equal = [
    [sql`e.action`, exact.action],
    [sql`e.outcome`, exact.outcome],
    [sql`e.actor`, exact.actor],
    [sql`e.agent_id`, exact.agentId],
  ] as const
  const conditions = [
    withUnowned ? sql`(${owned} OR e.organization_id IS NULL)` : owned,
    ...equal.flatMap(([column, value]) => (value === undefined ? [] : [sql`${column} = ${value}`])),
    ...(from === undefined ? [] : [sql`e.at >= ${new Date(from)}`]),
    ...(to === undefined ? [] : [sql`e.at < ${new Date(to)}`]),
  ]
  return sql.join(conditions, sql` AND `)
}

const listed = ({ text, hash }: Row): ListedEvent => ({ ...JSON.parse(text), hash })
