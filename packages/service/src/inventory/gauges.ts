import { Gauge, type Registry } from 'prom-client'
import { systemClock } from '../clock.ts'
import { countedGauge } from '../operations/counted.ts'
import type { DeclaredSecrets } from './file.ts'
import type { InventoryTotals } from './totals.ts'

/** Counts the inventory when somebody scrapes; of each declared secret it tells how old it is, and for how long it is overdue. */
export function inventoryGauges(
  registry: Registry,
  declared: DeclaredSecrets,
  count: () => Promise<Pick<InventoryTotals, 'byKind'>>,
  onError: (error: unknown) => void,
  now: () => number = systemClock,
): void {
  countedGauge({
    registry,
    name: 'rekey_inventory_secrets',
    help: 'Secrets of the inventory, by kind and by who sees to their rotation (rekey, declared, unmanaged)',
    labelNames: ['kind', 'managed'],
    async count() {
      return (await count()).byKind.map(({ kind, management, count: value }) => ({
        ...{ labels: { kind, managed: management }, value },
      }))
    },
    onError,
  })
  const each = (value: (secret: { rotatedAt: number; rotateEveryMs: number }) => number) =>
    function collect(this: Gauge<'secret'>): void {
      this.reset()
      for (const secret of declared.now().secrets) this.set({ secret: secret.name }, value(secret))
    }
  new Gauge({
    name: 'rekey_inventory_declared_age_seconds',
    help: 'Seconds since a declared secret was rotated',
    labelNames: ['secret'],
    registers: [registry],
    collect: each(({ rotatedAt }) => (now() - rotatedAt) / 1_000),
  })
  new Gauge({
    name: 'rekey_inventory_declared_overdue_seconds',
    help: 'Seconds since the rotation of a declared secret was due; 0 while it is not',
    labelNames: ['secret'],
    registers: [registry],
    collect: each(({ rotatedAt, rotateEveryMs }) => Math.max(0, now() - rotatedAt - rotateEveryMs) / 1_000),
  })
}
