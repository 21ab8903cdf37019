import { type App, showRootKeys } from '@rekey/service'
import { z } from 'zod'
import { requireScope } from '../http/authorise.ts'
import type { Instance } from '../instance.ts'
import { storedUnder } from './sealed.ts'

const rootKey = z.object({
  id: z.string().describe('Derived from the key; says nothing about it'),
  sealing: z.boolean().describe('Whether new things are sealed under it'),
  heldByAll: z.boolean().describe('Whether every live instance holds it'),
  sealed: z
    .number()
    .int()
    .describe('How many things hang on it, the audit among them until a newer one signs. None: it may be removed'),
  keys: z.number().int().describe('How many of these are private keys'),
})

/** What operators may know of the root keys. */
export function rootKeyRoutes(app: App, instance: Instance): void {
  const { rootKeys, audit } = instance
  const { db } = instance.connection
  const list = {
    tags: ['keyrings'],
    summary: 'List the root keys, the newest first',
    response: { 200: z.object({ keys: z.array(rootKey) }) },
  }
  const onRequest = requireScope(instance, 'keyrings:read')
  app.get('/api/v1/root-keys', { onRequest, schema: list }, async () => ({
    keys: await showRootKeys(rootKeys, db, () => storedUnder(db), audit.signer),
  }))
}
