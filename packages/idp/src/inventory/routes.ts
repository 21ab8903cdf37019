import { type App, inventoryTotals, nextCursor, pageQuery, shownSecret, showSecret, totalsOf } from '@rekey/service'
import { z } from 'zod'
import { isOfUse } from '../agents/organization.ts'
import { requireScope } from '../http/authorise.ts'
import type { Instance } from '../instance.ts'
import type { Caller } from '../tokens/opaque.ts'
import { seenBy } from './counts.ts'
import { ownSecrets } from './own.ts'
import { type Sight, storedSecrets } from './stored.ts'

const reply = z.object({
  secrets: z.array(shownSecret),
  totals: inventoryTotals.describe('Of all pages; of very many stored secrets as they were up to a minute or two ago'),
  otherOrganizations: z
    .object({ secrets: z.number().int(), overdue: z.number().int() })
    .optional()
    .describe('How many are not listed because they belong to others; for whoever may see the estate'),
  problem: z.string().optional().describe('Why the file of declared secrets, as it is now, is not good'),
  nextCursor,
})

const list = {
  tags: ['inventory'],
  summary: 'List every secret that there is, ours and declared',
  querystring: z.object(pageQuery),
  response: { 200: reply },
}

/** What there is of secrets, and which of them are due. */
export function inventoryRoutes(app: App, instance: Instance): void {
  const read = { onRequest: requireScope(instance, 'agents:read') }

  app.get('/api/v1/inventory', { ...read, schema: list }, async ({ caller, query }) => {
    const sight = sightOf(caller)
    const own = sight.withEstate ? await ownSecrets(instance) : { secrets: [], problem: undefined }
    const page = await storedSecrets(instance, sight, query)
    const all = await instance.storedCounts()
    const counted = seenBy(sight, all)
    const now = await instance.store.now()
    // The estate's own are few, and stand before all others.
    const listed = [...(query.cursor === undefined ? own.secrets : []), ...page.secrets]
    const [seen, everybodys] = [totalsOf([], counted, now), totalsOf([], all, now)]
    const others = { secrets: everybodys.secrets - seen.secrets, overdue: everybodys.overdue - seen.overdue }
    return {
      secrets: listed.map((facts) => showSecret(facts, now)),
      totals: totalsOf(own.secrets, counted, now),
      otherOrganizations: sight.withEstate ? others : undefined,
      problem: own.problem,
      nextCursor: page.nextCursor,
    }
  })
}

/** Whoever may see the keyrings may see what else belongs to the estate; a tenant sees what is his. */
function sightOf({ scopes, organizationId }: Caller): Sight {
  const scope = 'keyrings:read'
  return { organization: organizationId, withEstate: scopes.has(scope) && isOfUse(scope, organizationId) }
}
