import { whoLacksRootKey } from '@rekey/database'
import { type App, type Hanging, sealedUnder } from '@rekey/service'
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

const nothing: Hanging = { sealed: 0, keys: 0 }

/** What operators may know of the root keys. */
export function rootKeyRoutes(app: App, instance: Instance): void {
  const { rootKeys, connection, audit } = instance
  const list = {
    tags: ['keyrings'],
    summary: 'List the root keys, the newest first',
    response: { 200: z.object({ keys: z.array(rootKey) }) },
  }
  const onRequest = requireScope(instance, 'keyrings:read')
  app.get('/api/v1/root-keys', { onRequest, schema: list }, async () => {
    const { ids, sealing } = rootKeys
    const [whoLacks, sealed] = await Promise.all([
      whoLacksRootKey(connection.db),
      sealedUnder(connection.db, () => storedUnder(connection.db), audit.signer),
    ])
    // Last those that are not held here any more, and would be needed.
    const all = [...ids, ...Object.keys(sealed).filter((id) => !ids.includes(id))]
    return {
      keys: all.map((id) => ({
        id,
        sealing: id === sealing,
        heldByAll: whoLacks(id).length === 0,
        ...(sealed[id] ?? nothing),
      })),
    }
  })
}
