import type { DatabaseTables } from '@rekey/database'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Kysely } from 'kysely'
import type { App } from '../../http/app.ts'
import type { Audit } from '../open.ts'
import { eventRoutes } from './event.ts'
import { exportRoute } from './export.ts'
import { listRoute } from './list.ts'
import type { Sight } from './sight.ts'
import { verificationRoutes } from './verify.ts'

/** What an instance shows its audit by. */
export interface Audited<Tables extends DatabaseTables> {
  audit: Audit
  connection: { db: Kysely<Tables> }
}

/** What differs between services in who reads the audit. */
export interface AuditReading {
  /** Without a slash at its end. */
  path: string
  /** Lets in who may read the audit. */
  read(request: FastifyRequest, reply: FastifyReply): Promise<void>
  /** What whoever asks sees of it; the hook let him in. */
  sees(request: object): Sight
}

/** What happened, and the proofs that it is told as it was written down. */
export function auditRoutes<Tables extends DatabaseTables>(
  app: App,
  instance: Audited<Tables>,
  reading: AuditReading,
): void {
  for (const routes of [listRoute, eventRoutes, verificationRoutes, exportRoute]) routes(app, instance, reading)
}
