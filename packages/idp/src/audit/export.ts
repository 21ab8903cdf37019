import type { App } from '@rekey/service'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { requireScope } from '../http/authorise.ts'
import type { Instance } from '../instance.ts'
import { requireOperator } from './sees.ts'

const lines = z
  .string()
  .describe('Each event as the text that was hashed; the last line is a signed checkpoint over all of them')

/** The whole chain, as a file that proves itself: `rekey audit verify FILE` needs no database. */
export function auditExport(app: App, instance: Instance): void {
  const schema = {
    tags: ['audit'],
    summary: 'Export the whole chain',
    response: { 200: { description: 'A line an event', content: { 'application/x-ndjson': { schema: lines } } } },
  }
  app.get(
    '/api/v1/audit/export',
    { onRequest: requireScope(instance, 'audit:read'), schema },
    async (request, reply: FastifyReply) => {
      requireOperator(request.caller)
      return reply.type('application/x-ndjson').send(instance.audit.lines(instance.connection.db))
    },
  )
}
