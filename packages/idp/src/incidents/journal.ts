import { type IncidentRecord, type StepChange, type StepName, type StoredIncident, transition } from '@rekey/breakglass'
import { recordEvent } from '@rekey/database'
import { storable, transact } from '@rekey/service'
import type { Transaction } from 'kysely'
import { IdpError } from '../error.ts'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import { changeIncident, readAt } from './record.ts'

/** A thousand instances of APIs, each with what it answered and what to do about it. */
export const longestResult = 2_000_000

/** A runner may have any name, and everybody sees it: he is known by the client as which he calls, too. */
export interface By {
  runner: string
  actor: string
}

/**
 * Claims an incident, so that one alone carries it out, or prolongs one's own claim.
 *
 * @throws IdpError `UNKNOWN_INCIDENT`; BreakGlassError `INCIDENT_CLAIMED` while the claim of another lasts
 */
export function claimIncident(
  db: IdpDatabase,
  incident: string,
  seconds: number,
  { runner, actor }: By,
): Promise<IncidentRecord> {
  return change(db, incident, (before, now) => transition.claimed(before, runner, seconds, now, actor))
}

/**
 * Ends one's own claim; where it is another's by now, nothing happens.
 *
 * @throws IdpError `UNKNOWN_INCIDENT`; BreakGlassError `INCIDENT_CLAIMED` where it is another client's
 */
export function releaseIncident(db: IdpDatabase, incident: string, { runner, actor }: By): Promise<IncidentRecord> {
  return change(db, incident, (before) => transition.released(before, runner, actor))
}

/**
 * Writes something about a step down, for whoever holds the claim.
 *
 * @throws IdpError `UNKNOWN_INCIDENT`, `PAYLOAD_TOO_LARGE`; BreakGlassError `INCIDENT_CLAIMED`
 */
export function writeStep(
  db: IdpDatabase,
  incident: string,
  step: StepName,
  asked: StepChange,
  { runner, actor }: By,
): Promise<IncidentRecord> {
  const told = storable(asked)
  if (JSON.stringify(told.result ?? null).length > longestResult) {
    throw new IdpError('PAYLOAD_TOO_LARGE', `the result of a step has at most ${longestResult} characters`)
  }
  const stepped = (before: StoredIncident, now: number) => transition.stepped(before, runner, step, told, now, actor)
  return change(db, incident, stepped, async (transaction, before, after) => {
    const { state, error } = told
    if (after.timeline === before.timeline) return
    const details = { incident, step, state, runner, ...(error ? { error: error.code } : {}) }
    const outcome = state === 'failed' ? 'failed' : 'success'
    await recordEvent(transaction, { action: 'incident.step', outcome, actor, details })
  })
}

async function change(
  db: IdpDatabase,
  incident: string,
  how: Parameters<typeof changeIncident>[2],
  tell: (transaction: Transaction<IdpTables>, before: StoredIncident, after: StoredIncident) => unknown = () => {},
): Promise<IncidentRecord> {
  const changed = await transact(db, async (transaction) => {
    const { before, after } = await changeIncident(transaction, incident, how)
    await tell(transaction, before, after)
    return after
  })
  return readAt(db, changed)
}
