import { countValues } from '@rekey/database'
import { countedGauge } from '@rekey/service'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { IdpDatabase } from '../tables.ts'
import { encryptedColumns } from './list.ts'

/** Counts when somebody scrapes what lies in encrypted columns, by the version that it hangs on. */
export function columnGauge(registry: Registry, db: IdpDatabase, log: Logger): void {
  countedGauge({
    registry,
    name: 'rekey_column_values',
    help: 'Values in encrypted columns, by the version that encrypted them; plain and cbc are older forms',
    labelNames: ['column', 'version'],
    async count() {
      const counts = await countValues(db, encryptedColumns)
      return counts.map(({ table, column, version, count }) => ({
        labels: { column: `${table}.${column}`, version },
        value: count,
      }))
    },
    onError: (error) => log.warn({ err: error }, 'values in encrypted columns could not be counted'),
  })
}
