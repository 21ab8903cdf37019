import type { Probe } from '@rekey/breakglass'
import { rootIdIn, rootIdOf, type Sealer } from '@rekey/database'
import { sql } from 'kysely'
import { total } from '../../root-keys/total.ts'
import type { IdpDatabase } from '../../tables.ts'
import { probeRecord } from './probes.ts'

interface StoredProbe {
  incident: string
  sealed: string
  now: number
}

/**
 * Deletes the probes that have expired, and seals the others under the root key by which is sealed now: instances are to be
 * probed for weeks, and an older root key would be needed for as long.
 *
 * @param sealing the id of that root key
 * @returns how many it changed
 */
export async function tendProbes(db: IdpDatabase, sealer: Sealer, sealing: string): Promise<number> {
  // None expires within the first 30 days, so that most need not be opened.
  const { rows } = await sql<StoredProbe>`
    SELECT incident, sealed_probe AS sealed, clock_timestamp() AS now FROM incidents
    WHERE sealed_probe IS NOT NULL
      AND (opened_at < now() - interval '30 days' OR ${rootIdIn('sealed_probe')} <> ${sealing})`.execute(db)
  // One that does not open must not keep the others from it.
  const tended = await Promise.allSettled(rows.map((row) => tend(db, sealer, sealing, row)))
  return total(tended)
}

async function tend(db: IdpDatabase, sealer: Sealer, sealing: string, stored: StoredProbe): Promise<number> {
  const { incident, sealed, now } = stored
  const record = probeRecord(incident)
  const text = sealer.open(record, sealed)
  const { expiresAt } = JSON.parse(text.toString()) as Probe
  const isOver = expiresAt !== undefined && Date.parse(expiresAt) <= now
  if (!isOver && rootIdOf(sealed) === sealing) return 0
  const update = db.updateTable('incidents').set({ sealed_probe: isOver ? null : sealer.seal(record, text) })
  await update.where('incident', '=', incident).where('sealed_probe', '=', sealed).execute()
  return 1
}
