import { z } from 'zod'
import { dueAt, type Management, managements, type SecretFacts } from './entry.ts'

const count = z.number().int()

/** How many there are on all pages. */
export const inventoryTotals = z.object({
  secrets: count,
  unmanaged: count,
  overdue: count,
  byKind: z.array(z.object({ kind: z.string(), management: z.enum(managements), count, overdue: count })),
})
export type InventoryTotals = z.infer<typeof inventoryTotals>

/** A group of secrets of which only the number is known. */
export interface Counted {
  kind: string
  management: Management
  count: number
  overdue: number
}

/** Sums up what is listed and what was only counted. */
export function totalsOf(listed: readonly SecretFacts[], counted: readonly Counted[], now: number): InventoryTotals {
  const groups = new Map<string, Counted>()
  const each = listed.map((facts) => ({
    ...{ kind: facts.kind, management: facts.management, count: 1 },
    overdue: (dueAt(facts) ?? now) < now ? 1 : 0,
  }))
  for (const { kind, management, count, overdue } of [...each, ...counted]) {
    const before = groups.get(`${kind} ${management}`) ?? { kind, management, count: 0, overdue: 0 }
    groups.set(`${kind} ${management}`, { ...before, count: before.count + count, overdue: before.overdue + overdue })
  }
  const byKind = [...groups.values()].sort((a, b) =>
    `${a.kind} ${a.management}`.localeCompare(`${b.kind} ${b.management}`),
  )
  const sum = (of: (group: Counted) => number) => byKind.reduce((total, group) => total + of(group), 0)
  return {
    secrets: sum((group) => group.count),
    unmanaged: sum((group) => (group.management === 'unmanaged' ? group.count : 0)),
    overdue: sum((group) => group.overdue),
    byKind,
  }
}
