import { setTimeout as delay } from 'node:timers/promises'
import type { ProviderRecord, RecordedEvent } from '@rekey/breakglass'
import { proofOf } from '@rekey/database'
import { sql } from 'kysely'
import { iso } from '../../http/time.ts'
import type { Instance } from '../../instance.ts'
import type { IdpDatabase } from '../../tables.ts'
import { type EventRow, selectEvents } from './event-row.ts'

const most = 500
/** An event has its place in the chain after about a second. */
const mostTries = 30
const recheckMs = 100
/** Connections to the database that one of these may take at a time. */
const atOnce = 4

/**
 * What this estate's own record says of an incident since it was opened, each event with the proof that it stands in the chain.
 * Waits a few seconds for those that have no place in it yet.
 */
export async function recordOf(instance: Instance, incident: string, openedAt: number): Promise<ProviderRecord> {
  const found = await eventsOf(instance.connection.db, incident, openedAt)
  const rows = found.slice(0, most).toSorted((a, b) => a.inserted - b.inserted)
  const proved = new Map<string, RecordedEvent>()
  for (let tries = 0; ; tries += 1) {
    await prove(
      instance,
      rows.filter(({ id }) => !proved.has(id)),
      proved,
    )
    if (proved.size === rows.length || tries === mostTries) break
    await delay(recheckMs)
  }
  const incomplete = incompleteOf(rows.length - proved.size, found.length > most)
  return {
    signer: instance.audit.signer.fingerprint,
    events: rows.map((row) => proved.get(row.id) ?? { event: unproved(row) }),
    ...(incomplete === '' ? {} : { incomplete }),
  }
}

/**
 * Its own events first: what else happened meanwhile must not push them out. That of its opening has the moment at which that
 * transaction began, which is before the moment at which it was opened.
 */
async function eventsOf(db: IdpDatabase, incident: string, openedAt: number): Promise<EventRow[]> {
  const { rows } = await sql<EventRow>`${selectEvents}
    WHERE at >= to_timestamp(${openedAt / 1_000}) - interval '1 minute' AND (details ->> 'incident' = ${incident}
      OR (at >= to_timestamp(${openedAt / 1_000}) AND details ->> 'incident' IS NULL
        AND action ~ '^(incident|keyring|denied|session|verifier|authorization)\\.'))
    ORDER BY (details ->> 'incident') IS NULL, inserted LIMIT ${most + 1}`.execute(db)
  return rows
}

async function prove(
  { connection, audit }: Instance,
  rows: readonly EventRow[],
  proved: Map<string, RecordedEvent>,
): Promise<void> {
  for (let from = 0; from < rows.length; from += atOnce) {
    const some = rows.slice(from, from + atOnce)
    const proofs = await Promise.all(some.map(({ id }) => proofOf(connection.db, id, audit.signer)))
    proofs.forEach((proof, i) => {
      const row = some[i]
      if (row && proof !== undefined && proof !== 'waiting') proved.set(row.id, { event: proof.event, proof })
    })
  }
}

/** As it was written down: without a place in the chain it has no canonical text. */
function unproved({ at, inserted: _place, ...row }: EventRow): string {
  return JSON.stringify({ ...row, at: iso(at) })
}

function incompleteOf(waiting: number, more: boolean): string {
  const parts = []
  if (waiting > 0) parts.push(`${waiting} events have no place in the chain yet: the chainer may be down`)
  if (more) parts.push(`of all events ${most} are here, its own first`)
  return parts.join('; ')
}
