/** Incidents as they stand in the database. What may become of one is decided as in every other journal. */

import { allSteps, type IncidentRecord, type StepRecord, type StoredIncident } from '@rekey/breakglass'
import { databaseNow } from '@rekey/database'
import { iso, isoIfSet } from '@rekey/service'
import { type Selectable, type SelectQueryBuilder, sql, type Transaction } from 'kysely'
import { IdpError } from '../error.ts'
import type { IdpDatabase, IdpTables } from '../tables.ts'

/** Without what is no part of its record. */
type Row = Omit<Selectable<IdpTables['incidents']>, 'sealed_probe' | 'probe_jti' | 'sessions_ended' | 'evidence'>

const mostListed = 100

const columns = [
  'incident',
  'plan',
  'timeline',
  'opened_at',
  'opened_by',
  'frozen',
  'frozen_at',
  'unfrozen_at',
  'unfrozen_by',
  'runner',
  'runner_until',
  'runner_client',
] as const

/** @throws IdpError `UNKNOWN_INCIDENT` */
export async function incidentOf(db: IdpDatabase, incident: string): Promise<IncidentRecord> {
  return readAt(db, known(await findIncident(db, incident)))
}

/** An incident, if there is one of this id. */
export async function findIncident(db: IdpDatabase, incident: string): Promise<StoredIncident | undefined> {
  const row = await rowOf(db, incident).executeTakeFirst()
  return row && storedOf(row)
}

/** The newest ones, newest first, without what came of their steps: that is long. */
export async function listIncidents(db: IdpDatabase): Promise<IncidentRecord[]> {
  const steps = sql<StepRecord[]>`(SELECT jsonb_agg(step - 'result') FROM jsonb_array_elements(steps) AS step)`
  const rows = await db
    .selectFrom('incidents')
    .select([...columns, steps.as('steps')])
    .orderBy('opened_at', 'desc')
    .orderBy('incident')
    .limit(mostListed)
    .execute()
  const now = iso(await databaseNow(db))
  return rows.map((row) => ({ ...storedOf(row), now }))
}

/** As a record that is read now, by the clock of the database. */
export async function readAt(db: IdpDatabase, incident: StoredIncident): Promise<IncidentRecord> {
  return { ...incident, now: iso(await databaseNow(db)) }
}

/**
 * Changes an incident, which is locked from then on to the end of the transaction.
 *
 * @param change is given the time by the clock of the database, in milliseconds; what it returns unchanged is not written
 * @throws IdpError `UNKNOWN_INCIDENT`, and what `change` throws
 */
export async function changeIncident(
  transaction: Transaction<IdpTables>,
  incident: string,
  change: (before: StoredIncident, now: number) => StoredIncident,
): Promise<{ before: StoredIncident; after: StoredIncident }> {
  const row = await rowOf(transaction, incident).forUpdate().executeTakeFirst()
  const before = known(row && storedOf(row))
  const after = change(before, await databaseNow(transaction))
  if (after !== before) {
    const { steps, timeline } = after
    const changed = {
      ...standing(after),
      // They may be long, and a claim is prolonged every few seconds.
      ...(steps === before.steps ? {} : { steps: JSON.stringify(steps) }),
      ...(timeline === before.timeline ? {} : { timeline: JSON.stringify(timeline) }),
    }
    await transaction.updateTable('incidents').set(changed).where('incident', '=', incident).execute()
  }
  return { before, after }
}

function storedOf(row: Row): StoredIncident {
  const { runner, runner_until: until, runner_client: client } = row
  return {
    plan: row.plan,
    openedAt: iso(row.opened_at),
    openedBy: row.opened_by,
    frozen: row.frozen,
    frozenAt: isoIfSet(row.frozen_at ?? undefined),
    unfrozenAt: isoIfSet(row.unfrozen_at ?? undefined),
    unfrozenBy: row.unfrozen_by ?? undefined,
    claim: runner === null || until === null ? undefined : { runner, until: iso(until), ...(client && { client }) },
    steps: allSteps(row.steps),
    timeline: row.timeline,
  }
}

/** The columns that may change, without what is told of its steps. */
export function standing({ claim, ...incident }: StoredIncident) {
  const time = (text: string | undefined) => (text === undefined ? null : new Date(text))
  return {
    frozen: incident.frozen,
    frozen_at: time(incident.frozenAt),
    unfrozen_at: time(incident.unfrozenAt),
    unfrozen_by: incident.unfrozenBy ?? null,
    runner: claim?.runner ?? null,
    runner_until: time(claim?.until),
    runner_client: claim?.client ?? null,
  }
}

function rowOf(db: IdpDatabase, incident: string): SelectQueryBuilder<IdpTables, 'incidents', Row> {
  return db
    .selectFrom('incidents')
    .select([...columns, 'steps'])
    .where('incident', '=', incident)
}

function known(incident: StoredIncident | undefined): StoredIncident {
  if (incident) return incident
  throw unknownIncident()
}

export function unknownIncident(): IdpError {
  return new IdpError('UNKNOWN_INCIDENT', 'there is no such incident')
}
