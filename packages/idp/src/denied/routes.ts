import { z } from 'zod'
import type { App } from '../http/app.ts'
import { requireScope } from '../http/authorise.ts'
import type { Instance } from '../instance.ts'
import { denyEntry, kindOf, rowOf, toldOf } from './entry.ts'
import { allowTokens, deniedNow, denyTokens } from './store.ts'

const entries = z.object({ entries: z.array(denyEntry).min(1).max(1_000) })

/** Which tokens verifiers refuse although their key is good. Answered when every live instance tells verifiers so. */
export function deniedRoutes(app: App, instance: Instance): void {
  const { view, store } = instance
  const { db } = instance.connection
  const scope = { onRequest: requireScope(instance, 'incidents:write') }
  const write = { ...scope, schema: { body: entries } }

  app.get('/api/v1/denied', scope, async () => ({ entries: (await deniedNow(db)).map(toldOf) }))

  app.post('/api/v1/denied', write, async (request) => {
    const now = await store.now()
    const rows = request.body.entries.map((entry) => rowOf(entry, now, longestTokenMs(instance)))
    await view.everywhere(await denyTokens(db, rows, request.caller.clientId))
    return { entries: rows.map(toldOf) }
  })

  app.delete('/api/v1/denied', write, async (request) => {
    const rows = request.body.entries.map(kindOf).map(([kind, value]) => ({ kind, value }))
    const { dropped, revision } = await allowTokens(db, rows, request.caller.clientId)
    await view.everywhere(revision)
    return { dropped }
  })
}

/** What the policies say: they are raised before a longer-lived token is signed, and never lowered. */
function longestTokenMs(instance: Instance): number {
  const policies = [...instance.keys().keyrings.values()].map(({ policy }) => policy.maxTokenTtlMs + policy.skewMs)
  return Math.max(...policies)
}
