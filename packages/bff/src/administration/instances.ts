import { type App, showInstances, shownInstances } from '@rekey/service'
import type { onRequestAsyncHookHandler } from 'fastify'
import type { Bff } from '../bff.ts'

/** Which instances there are, and how far each has applied what was changed. */
export function instanceRoutes(app: App, { connection }: Bff, read: onRequestAsyncHookHandler): void {
  const schema = { response: { 200: shownInstances } }
  app.get('/internal/instances', { onRequest: read, schema }, async () => showInstances(connection.db))
}
