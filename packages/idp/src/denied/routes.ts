import { z } from 'zod'
import type { App } from '../http/app.ts'
import { requireScope } from '../http/authorise.ts'
import { time } from '../http/time.ts'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'
import { denyEntry, kindOf, rowOf, toldOf } from './entry.ts'
import { longestTokenMs } from './longest-token.ts'
import { allowTokens, deniedNow, denyTokens } from './store.ts'

const entries = z.object({ entries: z.array(denyEntry).min(1).max(1_000) })
const shown = z.object({
  entries: z.array(
    z.union([
      z.object({ jti: z.string(), expiresAt: time.optional() }),
      z.object({ sid: z.string(), expiresAt: time.optional() }),
      z.object({ sub: z.string(), issuedBefore: time }),
      z.object({ client_id: z.string(), issuedBefore: time }),
      z.object({ iss: z.string().describe('Everything that this issuer issued'), issuedBefore: time }),
    ]),
  ),
})
const tags = ['incidents']

/** Which tokens verifiers refuse although their key is good. Answered when every live instance tells verifiers so. */
export function deniedRoutes(app: App, instance: Instance): void {
  const { view, store } = instance
  const { db } = instance.connection
  const scope = { onRequest: requireScope(instance, 'incidents:write', { whileFrozen: 'allowed' }) }
  const giveBack = { onRequest: requireScope(instance, 'incidents:write', { whileFrozen: 'refused' }) }
  const read = { ...scope, schema: { tags, summary: 'List what is denied', response: { 200: shown } } }
  const full = codes('DENY_LIST_FULL')
  const response = { 200: shown }
  const deny = { ...scope, schema: { tags, summary: 'Deny tokens', body: entries, response, refuses: full } }
  const dropped = z.object({ dropped: z.number().describe('How many there were') })
  const allow = {
    ...giveBack,
    schema: { tags, summary: 'Take entries back', body: entries, response: { 200: dropped } },
  }

  app.get('/api/v1/denied', read, async () => ({ entries: (await deniedNow(db)).map(toldOf) }))

  app.post('/api/v1/denied', deny, async (request) => {
    const now = await store.now()
    const rows = request.body.entries.map((entry) => rowOf(entry, now, longestTokenMs(instance)))
    await view.everywhere(await denyTokens(db, rows, request.caller.clientId))
    return { entries: rows.map(toldOf) }
  })

  app.delete('/api/v1/denied', allow, async (request) => {
    const rows = request.body.entries.map(kindOf).map(([kind, value]) => ({ kind, value }))
    const { dropped, revision } = await allowTokens(db, rows, request.caller.clientId)
    await view.everywhere(revision)
    return { dropped }
  })
}
