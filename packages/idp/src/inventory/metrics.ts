import { inventoryGauges, totalsOf } from '@rekey/service'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { type Own, ownSecrets } from './own.ts'

/** The inventory of the whole estate, in numbers. */
export function inventoryMetrics(registry: Registry, own: Own, log: Logger): void {
  const count = async () => {
    const [{ secrets }, stored] = [await ownSecrets(own), await own.storedCounts()]
    return totalsOf(secrets, stored, await own.store.now())
  }
  inventoryGauges(registry, own.declared, count, (error) =>
    log.warn({ err: error }, 'the inventory could not be counted'),
  )
}
