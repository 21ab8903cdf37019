import { type AuditEvent, databaseNow, recordEvents } from '@rekey/database'
import { addressOf, every } from '@rekey/service'
import type { Transaction } from 'kysely'
import type { Clock } from '../clock.ts'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import { type Counted, type GatheredEvent, Tally } from './tally.ts'

/**
 * Events that are counted before they are written: those that say the same within 10 s become one, whose details tell how
 * many they were, and when the first and the last of them happened.
 */
export interface Gathered {
  /**
   * Takes an event down; it is in the database within 10 s.
   *
   * @param how `firstAtOnce`: the first is written at once, and only its repetitions wait
   */
  note(event: GatheredEvent, how?: { firstAtOnce?: boolean }): void
  /** Writes what was counted until now. Never rejects: what could not be written is kept for the next time. */
  flush(): Promise<void>
  /** Writes the rest. Whatever is noted afterwards is lost. */
  close(): Promise<void>
}

const windowMs = 10_000

/** @param onError is told of what could not be written */
export function gather(db: IdpDatabase, clock: Clock, onError: (error: unknown) => void): Gathered {
  const tally = new Tally()
  let writing = Promise.resolve()
  const endWindow = () => {
    tally.endWindow()
    return flush()
  }
  const stop = every(windowMs, endWindow, onError)

  /** One after the other: two at once would write the same twice. */
  function flush(which: (entry: Counted) => boolean = () => true): Promise<void> {
    writing = writing.then(() => write(tally.pending().filter(which))).catch(onError)
    return writing
  }

  async function write(entries: readonly Counted[]): Promise<void> {
    if (entries.length === 0) return
    const counted = entries.map((entry) => ({ ...entry }))
    await db.transaction().execute(async (transaction) => {
      const aheadMs = (await databaseNow(transaction)) - clock()
      const agents = await agentsIn(transaction, counted)
      const events = named(counted, agents).map((each) => eventOf(each, organizationOf(each.event, agents), aheadMs))
      await recordEvents(transaction, events)
    })
    tally.forget(counted)
  }

  return {
    note({ address, ...event }, { firstAtOnce = false } = {}) {
      const from = address === undefined ? event : { ...event, address: addressOf(address) }
      const { entry, isFirst } = tally.note(from, clock(), firstAtOnce)
      if (isFirst && entry.stays) void flush((each) => each === entry)
    },
    flush: () => flush(),
    async close() {
      await stop()
      await flush()
    },
  }
}

/** The organizations of all agents that are named, by their ids. */
async function agentsIn(
  transaction: Transaction<IdpTables>,
  entries: readonly Counted[],
): Promise<Map<string, string>> {
  const rows = await transaction
    .selectFrom('agents')
    .select(['agent_id', 'organization_id'])
    .where(
      'agent_id',
      'in',
      entries.flatMap(({ event: { actor, agentId = actor, claims = actor } }) => [actor, agentId, claims]),
    )
    .execute()
  return new Map(rows.map((row) => [row.agent_id, row.organization_id]))
}

/** Of its agent, where it does not say; or else of who did it. */
function organizationOf({ organizationId, agentId, actor }: GatheredEvent, agents: ReadonlyMap<string, string>) {
  return organizationId ?? agents.get(agentId ?? actor) ?? agents.get(actor)
}

/** Under the names that were claimed, where they are those of agents. All names that are nobody's are one event. */
function named(entries: readonly Counted[], agents: ReadonlyMap<string, string>): Counted[] {
  const told = new Map<string, Counted>()
  for (const { event, ...seen } of entries) {
    const { claims, ...rest } = event
    const under = claims !== undefined && agents.has(claims) ? { ...rest, actor: claims } : rest
    const key = JSON.stringify(under)
    const { count, firstAt, lastAt } = told.get(key) ?? { count: 0, firstAt: seen.firstAt, lastAt: seen.lastAt }
    told.set(key, {
      ...seen,
      event: under,
      count: count + seen.count,
      firstAt: Math.min(firstAt, seen.firstAt),
      lastAt: Math.max(lastAt, seen.lastAt),
    })
  }
  return [...told.values()]
}

function eventOf(
  { event, count, firstAt, lastAt }: Counted,
  organizationId: string | undefined,
  aheadMs: number,
): AuditEvent {
  const { cause, address, details, ...rest } = event
  const iso = (time: number) => new Date(time + aheadMs).toISOString()
  const seen = { count, firstAt: iso(firstAt), lastAt: iso(lastAt) }
  return { ...rest, organizationId, details: { ...details, cause, address, ...seen } }
}
