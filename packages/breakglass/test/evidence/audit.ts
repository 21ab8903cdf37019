/** A real audit, in which events are recorded and proven. */
import { type AuditEvent, auditSigner, connect, openChain, proofOf, recordEvents } from '@rekey/database'
import { eventually, testDatabase } from '@rekey/database/testing'
import type { RecordedEvent } from '../../src/providers/port.ts'

export const auditKey = auditSigner({ id: 'root', key: Buffer.alloc(32, 7) }, 'idp.example.com/audit')

export const bffAuditKey = auditSigner({ id: 'bff', key: Buffer.alloc(32, 8) }, 'bff.example.com/audit')

/** Records events, and returns them with their proofs. */
export async function proven(events: readonly AuditEvent[], signer = auditKey): Promise<RecordedEvent[]> {
  const database = await testDatabase()
  const { db, pool, close } = connect(database.serviceUrl)
  const chain = await openChain(db, { signer })
  try {
    await db.transaction().execute((transaction) => recordEvents(transaction, events))
    const { rows } = await pool.query<{ id: string }>('SELECT id FROM audit_events ORDER BY inserted')
    const proofs = () => Promise.all(rows.map(({ id }) => proofOf(db, id, signer)))
    const found = await eventually(proofs, (all) => !all.includes('waiting'))
    return found.flatMap((proof) => (proof && proof !== 'waiting' ? [{ event: proof.event, proof }] : []))
  } finally {
    await chain.close()
    await close()
    await database.drop()
  }
}
