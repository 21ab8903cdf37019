import { type App, inventoryGauges, inventoryTotals, shownSecret, showSecret, totalsOf } from '@rekey/service'
import type { onRequestAsyncHookHandler } from 'fastify'
import { z } from 'zod'
import type { Bff } from '../bff.ts'
import { ownSecrets } from './own.ts'

const reply = z.object({
  secrets: z.array(shownSecret),
  totals: inventoryTotals,
  problem: z.string().optional(),
  nextCursor: z.null(),
})

/** The secrets of this backend, for operators. There are few: all of them stand on one page. */
export function inventoryRoutes(app: App, bff: Bff, read: onRequestAsyncHookHandler): void {
  app.get('/internal/inventory', { onRequest: read, schema: { response: { 200: reply } } }, async () => {
    const [{ secrets, problem }, now] = [await ownSecrets(bff), await bff.store.now()]
    const shown = secrets.map((facts) => showSecret(facts, now))
    return { secrets: shown, totals: totalsOf(secrets, [], now), problem, nextCursor: null }
  })
  const count = async () => totalsOf((await ownSecrets(bff)).secrets, [], await bff.store.now())
  inventoryGauges(bff.metrics.registry, bff.declared, count, (error) =>
    bff.log.warn({ err: error }, 'the inventory could not be counted'),
  )
}
