import { whoLacksRootKey } from '@rekey/database'
import { type App, sealedUnder } from '@rekey/service'
import type { onRequestAsyncHookHandler } from 'fastify'
import type { Bff } from '../bff.ts'
import { storedUnder } from '../root-keys/stored.ts'

const nothing = { sealed: 0, keys: 0 }

/** What operators may know of the root keys: the newest first, last those that are not held here any more and would be needed. */
export function rootKeyRoutes(app: App, bff: Bff, read: onRequestAsyncHookHandler): void {
  const { rootKeys, connection, audit } = bff
  app.get('/internal/root-keys', { onRequest: read }, async () => {
    const { ids, sealing } = rootKeys
    const [whoLacks, sealed] = await Promise.all([
      whoLacksRootKey(connection.db),
      sealedUnder(connection.db, () => storedUnder(connection.db), audit.signer),
    ])
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
