import { type App, iso, time } from '@rekey/service'
import { z } from 'zod'
import { IdpError } from '../error.ts'
import { requireScope } from '../http/authorise.ts'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'
import { withoutIssuerEntries } from '../trust/knows-issuer.ts'
import { type VerifierRow, verifiers } from '../trust/verifiers.ts'
import { type DenyEntry, denyEntry, kindOf, rowOf, toldOf } from './entry.ts'
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
  const full = codes('DENY_LIST_FULL', 'VERIFIERS_TOO_OLD')
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
    const longestMs = longestTokenMs(instance)
    for (const entry of request.body.entries) requireNear(entry, now + longestMs)
    const rows = request.body.entries.map((entry) => rowOf(entry, now, longestMs))
    if (request.body.entries.some((entry) => 'iss' in entry)) requireKnowing(await verifiers(db))
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

/** A year that was mistyped would shut out whoever is meant for as long, and everybody where that is the issuer. */
function requireNear(entry: DenyEntry, latest: number): void {
  if (!('issuedBefore' in entry) || Date.parse(entry.issuedBefore) <= latest) return
  const message = 'issuedBefore is further ahead than the longest token lives'
  throw new IdpError('INVALID_REQUEST', message, { facts: { latest: iso(latest) } })
}

function requireKnowing(seen: readonly VerifierRow[]): void {
  const old = withoutIssuerEntries(seen)
  if (old.length === 0) return
  const message = 'a verifier does not know entries about an issuer, and would lose its lease over one: update it'
  throw new IdpError('VERIFIERS_TOO_OLD', message, { facts: { verifiers: old } })
}
