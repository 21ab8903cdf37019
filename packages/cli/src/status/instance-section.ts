import type { InstanceView } from '../client/parties.ts'
import { counted } from '../terminal/counted.ts'
import { span } from '../terminal/span.ts'
import { table } from '../terminal/table.ts'
import { leaseText } from './lease.ts'

/** The instances, how far each has applied what was changed, and for how long one of them has been gone. */
export function instanceSection(instances: readonly InstanceView[], now: number): string {
  if (instances.length === 0) return 'Instances\n  none holds a lease'
  // Each counts the changes of a database of its own.
  const { idp = [], bff = [] } = Object.groupBy(instances, ({ of = 'idp' }) => of)
  const whose = (name: string) => (bff.length === 0 ? [] : [name])
  const rows = [
    ...rowsOf(idp, now).map((row) => [...whose('IdP'), ...row]),
    ...rowsOf(bff, now).map((row) => [...whose('BFF'), ...row]),
  ]
  return ['Instances', table([...whose('OF'), 'INSTANCE', 'REVISION', 'BEHIND BY', 'LEASE', 'UP FOR'], rows)].join('\n')
}

function rowsOf(instances: readonly InstanceView[], now: number): string[][] {
  const newest = Math.max(...instances.filter(({ live = true }) => live).map(({ applied }) => applied))
  const inOrder = instances.toSorted((a, b) => a.address.localeCompare(b.address))
  return inOrder.map(({ address, applied, startedAt, leaseUntil, live = true }) => {
    const leftMs = Date.parse(leaseUntil) - now
    if (!live) return [address, String(applied), '', `gone for ${span(-leftMs)}`, '']
    const behindBy = applied === newest ? 'nothing' : counted(newest - applied, 'change')
    return [address, String(applied), behindBy, leaseText(leftMs), span(now - Date.parse(startedAt))]
  })
}
