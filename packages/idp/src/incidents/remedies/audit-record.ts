import { setTimeout as delay } from 'node:timers/promises'
import { type ProviderRecord, proveAll } from '@rekey/breakglass'
import { type AuditSigner, newestCheckpoint, proofOf } from '@rekey/database'
import type { EventProof } from '@rekey/database/offline'
import { iso } from '@rekey/service'
import { sql } from 'kysely'
import type { Instance } from '../../instance.ts'
import type { IdpDatabase } from '../../tables.ts'
import { type EventRow, selectEvents } from './event-row.ts'

const most = 500
/** Connections to the database that one of these may take at a time. */
const atOnce = 4

/**
 * What this estate's own record says of an incident since it was opened, each event with the proof that it stands in the chain.
 * Waits a few seconds for those that have no place in it yet.
 */
export async function auditRecordOf(
  { connection: { db }, audit: { signer } }: Instance,
  incident: string,
  openedAt: number,
): Promise<ProviderRecord> {
  const found = await eventsOf(db, incident, openedAt)
  const rows = found.slice(0, most).toSorted((a, b) => a.inserted - b.inserted)
  const ids = rows.map(({ id }) => id)
  const proofs = await proveAll(ids, (id) => provenBy(db, id, signer), { atOnce, pause: delay })
  // Not by whichever key signs here: a root key may have been replaced, and nothing been signed since.
  const newest = await newestCheckpoint(db, signer)
  const incomplete = incompleteOf(rows.length - proofs.size, found.length > most)
  return {
    ...(newest ? { signer: newest.signer } : {}),
    events: rows.map((row) => {
      const proof = proofs.get(row.id)
      return proof ? { event: proof.event, proof } : { event: unproved(row) }
    }),
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

async function provenBy(db: IdpDatabase, id: string, signer: AuditSigner): Promise<EventProof | undefined> {
  const proof = await proofOf(db, id, signer)
  return proof === 'waiting' ? undefined : proof
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
