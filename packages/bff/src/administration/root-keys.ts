import { type App, showRootKeys } from '@rekey/service'
import type { onRequestAsyncHookHandler } from 'fastify'
import type { Bff } from '../bff.ts'
import { storedUnder } from '../root-keys/stored.ts'

/** What operators may know of the root keys. */
export function rootKeyRoutes(app: App, { rootKeys, connection, audit }: Bff, read: onRequestAsyncHookHandler): void {
  const { db } = connection
  app.get('/internal/root-keys', { onRequest: read }, async () => ({
    keys: await showRootKeys(rootKeys, db, () => storedUnder(db), audit.signer),
  }))
}
