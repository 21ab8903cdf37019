import { type IncidentRecord, type Plan, type StoredIncident, transition } from '@rekey/breakglass'
import { databaseNow, recordEvent } from '@rekey/database'
import { storable } from '@rekey/service'
import type { Instance } from '../instance.ts'
import type { IdpDatabase } from '../tables.ts'
import { findIncident, readAt, standing } from './record.ts'
import { requireKey } from './remedies/key.ts'

/**
 * Writes an incident down. Safe to repeat: the one that is there is returned as it stands.
 *
 * @returns it, and whether it is new
 * @throws IdpError `UNKNOWN_KID` when nobody knows the key; BreakGlassError `INCIDENT_DIFFERS` when it was opened about another one, or
 *   with another plan
 */
export async function openIncident(
  { connection: { db }, store }: Pick<Instance, 'connection' | 'store'>,
  asked: Plan,
  actor: string,
): Promise<{ record: IncidentRecord; isNew: boolean }> {
  const plan = storable(asked)
  const found = await findIncident(db, plan.incident)
  if (!found) await requireKey(store, plan.kid)
  const inserted = found ? undefined : await insert(db, plan, actor)
  const incident = found ?? inserted ?? (await findIncident(db, plan.incident))
  if (!incident) throw new Error('an incident went away while it was opened')
  transition.samePlan(incident, plan)
  return { record: await readAt(db, incident), isNew: inserted !== undefined }
}

/** @returns undefined when somebody else was faster */
function insert(db: IdpDatabase, plan: Plan, actor: string): Promise<StoredIncident | undefined> {
  const { incident, kid, reason, suspectStore } = plan
  return db.transaction().execute(async (transaction) => {
    const now = await databaseNow(transaction)
    const opened = transition.opened(plan, actor, now)
    const story = { steps: JSON.stringify(opened.steps), timeline: JSON.stringify(opened.timeline) }
    const values = { incident, plan: JSON.stringify(plan), opened_at: new Date(now), opened_by: actor }
    const inserted = await transaction
      .insertInto('incidents')
      .values({ ...values, ...story, ...standing(opened) })
      .onConflict((conflict) => conflict.column('incident').doNothing())
      .returning('incident')
      .executeTakeFirst()
    if (!inserted) return undefined
    const details = { incident, kid, reason, suspectStore }
    await recordEvent(transaction, { action: 'incident.opened', outcome: 'success', actor, details })
    return opened
  })
}
