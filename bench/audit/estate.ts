import { randomBytes } from 'node:crypto'
import {
  type AuditEvent,
  type AuditSigner,
  auditSigner,
  type Connection,
  connect,
  type DatabaseTables,
  openChain,
} from '@rekey/database'
import { startHome } from '../estate/home.ts'
import type { Undo } from '../estate/undo.ts'

/** Where events go that nothing chains: a copy of the table with the same indexes, without its triggers. */
export const plainSchema = 'plain'

export interface Audit {
  readonly writers: Connection<DatabaseTables>
  readonly signer: AuditSigner
}

/** A PostgreSQL with Rekey's schema, ten connections to write by, and an instance's chain on two of its own. */
export async function startAudit(undo: Undo): Promise<Audit> {
  const home = await startHome(undo)
  await makePlain(home.ownerUrl)
  const writers = connect<DatabaseTables>(home.serviceUrl, { max: 10 })
  undo.add(() => writers.close())
  const chaining = connect<DatabaseTables>(home.serviceUrl, { max: 2 })
  undo.add(() => chaining.close())
  const signer = auditSigner({ id: 'bench', key: randomBytes(32) }, 'bench/audit')
  const chain = await openChain(chaining.db, { signer, onError: (error) => console.error(error) })
  undo.add(() => chain.close())
  return { writers, signer }
}

async function makePlain(ownerUrl: string): Promise<void> {
  const owner = connect<DatabaseTables>(ownerUrl, { max: 1 })
  await owner.pool.query(`CREATE SCHEMA ${plainSchema}`)
  await owner.pool.query(`CREATE TABLE ${plainSchema}.audit_events (LIKE audit_events INCLUDING ALL)`)
  await owner.pool.query(`GRANT USAGE ON SCHEMA ${plainSchema} TO rekey_service`)
  await owner.pool.query(`GRANT SELECT, INSERT ON ${plainSchema}.audit_events TO rekey_service`)
  await owner.close()
}

/** As large as those of credentials are. */
export function eventNumber(n: number): AuditEvent {
  const credentialId = `00000000-0000-4000-8000-${String(n % 1_000_000).padStart(12, '0')}`
  return {
    action: 'credential.rotated',
    outcome: 'success',
    actor: 'admin-1',
    agentId: `agent-${n % 1000}`,
    organizationId: 'default',
    details: { credentialId, version: 'k2', previous: 'k1', address: '192.0.2.17' },
  }
}

/** Returns when every event has its place. */
export async function untilChained({ writers }: Audit): Promise<void> {
  for (;;) {
    const { rows } = await writers.pool.query('SELECT EXISTS (SELECT FROM audit_waiting) AS waiting')
    if (!rows[0].waiting) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
