import type { ChangeForReview, Changes, Plan } from '@rekey/breakglass'
import { iso } from '@rekey/service'
import { sql } from 'kysely'
import type { Instance } from '../../instance.ts'
import type { IdpDatabase } from '../../tables.ts'
import { type EventRow, selectEvents } from './event-row.ts'
import { findKey, sinceOf } from './key.ts'
import { agentOf } from './sessions/selected.ts'

const most = 1_000

/** They changed nothing. */
const noChanges = ['token.issued']

/** What was changed by those whose sessions are concerned, for review: oldest first. */
export async function changesForReview(instance: Instance, plan: Plan): Promise<Changes> {
  const { db } = instance.connection
  const until = await instance.store.now()
  const since = sinceOf(plan, await findKey(instance.store, plan.kid)) ?? until
  const found = await eventsOf(db, plan, since, until)
  return {
    since: iso(since),
    until: iso(until),
    changes: found.slice(0, most).map((event) => listed(event, plan)),
    truncated: found.length > most,
    note: noteOf(plan),
  }
}

async function eventsOf(db: IdpDatabase, plan: Plan, since: number, until: number): Promise<EventRow[]> {
  const everybody = plan.sessions.some((selector) => 'all' in selector)
  const actors = plan.sessions.flatMap((selector) => agentOf(selector) ?? [])
  if (!everybody && actors.length === 0) return []
  const theirs = everybody ? sql`actor <> 'rekey'` : sql`actor = ANY(${actors})`
  const { rows } = await sql<EventRow>`${selectEvents}
    WHERE at >= to_timestamp(${since / 1_000}) AND at <= to_timestamp(${until / 1_000}) AND ${theirs}
      AND outcome = 'success' AND action <> ALL(${noChanges})
      AND details ->> 'incident' IS DISTINCT FROM ${plan.incident}
    ORDER BY at, inserted LIMIT ${most + 1}`.execute(db)
  return rows
}

function listed(
  { agentId, organizationId, inserted: _place, outcome: _good, ...event }: EventRow,
  plan: Plan,
): ChangeForReview {
  const { action, actor } = event
  const at = iso(event.at)
  const whose = agentId === null ? {} : { agentId }
  const organization = organizationId === null ? {} : { organizationId }
  return { at, action, actor, because: becauseOf(actor, plan), event: { ...event, at, ...whose, ...organization } }
}

function becauseOf(actor: string, { sessions }: Plan): string {
  const named = sessions.some((selector) => agentOf(selector) === actor)
  return named ? `${actor} did it, whose sessions are ended` : 'the sessions of everybody are ended'
}

function noteOf({ kid, sessions }: Plan): string {
  const bySession = sessions.some((selector) => 'sid' in selector)
  return [
    `Rekey's administration never takes a JWT, so ${kid} alone authorised none of the changes made here.`,
    'What APIs did for tokens signed by it they have to say themselves: this record does not know it.',
    ...(sessions.length === 0 ? ['No sessions were named, so no changes are listed.'] : []),
    ...(bySession ? ['Which changes were made in a session named by its id alone cannot be told from here.'] : []),
  ].join(' ')
}
