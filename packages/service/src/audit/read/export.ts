import type { DatabaseTables } from '@rekey/database'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import type { App } from '../../http/app.ts'
import type { Audited, AuditReading } from './routes.ts'
import { requireOperator } from './sight.ts'

const lines = z
  .string()
  .describe('Each event as the text that was hashed; the last line is a signed checkpoint over all of them')

/** The whole chain, as a file that proves itself: `rekey audit verify FILE` needs no database. */
export function exportRoute<Tables extends DatabaseTables>(
  app: App,
  { audit, connection }: Audited<Tables>,
  { path, read: onRequest, sees }: AuditReading,
): void {
  const schema = {
    tags: ['audit'],
    summary: 'Export the whole chain',
    response: { 200: { description: 'A line an event', content: { 'application/x-ndjson': { schema: lines } } } },
  }
  app.get(`${path}/export`, { onRequest, schema }, async (request, reply: FastifyReply) => {
    requireOperator(sees(request))
    return reply.type('application/x-ndjson').send(audit.lines(connection.db))
  })
}
