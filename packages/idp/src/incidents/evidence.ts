import { IdpError } from '../error.ts'
import type { IdpDatabase } from '../tables.ts'
import { unknownIncident } from './record.ts'

/** Keeps the evidence of an incident that an instance sealed, in the place of what there was before. */
export async function keepEvidence(db: IdpDatabase, incident: string, evidence: Buffer): Promise<void> {
  await db.updateTable('incidents').set({ evidence }).where('incident', '=', incident).execute()
}

/** @throws IdpError `UNKNOWN_INCIDENT`; `NOT_FOUND` where no instance sealed any */
export async function evidenceOf(db: IdpDatabase, incident: string): Promise<Buffer> {
  const row = await db.selectFrom('incidents').select('evidence').where('incident', '=', incident).executeTakeFirst()
  if (!row) throw unknownIncident()
  if (row.evidence) return row.evidence
  throw new IdpError('NOT_FOUND', 'no instance sealed evidence of this incident: whoever carried it out has it')
}
