import { parseDuration } from '@rekey/keyring'
import { type App, nextCursor } from '@rekey/service'
import { z } from 'zod'
import { IdpError } from '../error.ts'
import { requireScope } from '../http/authorise.ts'
import type { Instance } from '../instance.ts'
import { expiringCredentials } from './list.ts'
import { expiringCredential, expiringElsewhere, expiringQuery } from './schema.ts'
import { missedForMs } from './soon.ts'

const expiring = {
  tags: ['credentials'],
  summary: 'List the credentials of your organization that expire soon, or that expired and are missed',
  querystring: expiringQuery,
  response: {
    200: z.object({
      credentials: z.array(expiringCredential),
      nextCursor,
      total: z.number().describe('Of all pages; counted up to 10000'),
      elsewhere: expiringElsewhere.optional(),
    }),
  },
}

/** What is to be rotated before it ends. */
export function expiryRoutes(app: App, instance: Instance): void {
  const { columns, config, connection } = instance
  const read = { onRequest: requireScope(instance, 'agents:read') }

  app.get('/api/v1/credentials/expiring', { ...read, schema: expiring }, ({ caller, query }) => {
    const usualMs = query.status === 'expired' ? missedForMs : config.expiry.warningMs
    const withinMs = query.within === undefined ? usualMs : durationOf(query.within)
    return expiringCredentials(connection.db, caller.organizationId, { ...query, withinMs }, columns)
  })
}

/** @throws IdpError `INVALID_REQUEST` */
function durationOf(text: string): number {
  try {
    return parseDuration(text)
  } catch (cause) {
    throw new IdpError('INVALID_REQUEST', 'within is no duration: write for example 7d', { cause })
  }
}
