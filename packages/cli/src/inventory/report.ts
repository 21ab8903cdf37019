import type { SecretView } from '../client/inventory.ts'
import { moreHint } from '../commands/words.ts'
import type { Shell } from '../shell.ts'
import { counted } from '../terminal/counted.ts'
import { shortIds } from '../terminal/short-ids.ts'
import { fromNow, span } from '../terminal/span.ts'
import { table } from '../terminal/table.ts'
import type { InventoryView } from './look.ts'

/** The inventory for people: what is overdue before all else. Where lines have an end, ids are shortened, and owners end first. */
export function inventoryText(
  inventory: InventoryView,
  { now, columns: terminal }: Pick<Shell, 'now' | 'columns'>,
  limit: number,
): string {
  const { secrets, nextCursor } = inventory
  const overdue = secrets.filter(({ overdueSince }) => overdueSince !== undefined)
  const rows = [...overdue, ...secrets.filter((each) => !overdue.includes(each))].map((each) =>
    rowOf(each, now(), terminal),
  )
  const shown = rows.length === 0 ? '  none' : table(['NAME', 'KIND', 'AGE', 'NEXT ROTATION', 'OWNER'], rows, terminal)
  return [shown, ...moreHint(nextCursor, limit), '', summary(inventory)].join('\n')
}

function rowOf(secret: SecretView, now: number, terminal: number | undefined): string[] {
  const name = terminal === undefined ? secret.name : shortIds(secret.name)
  return [name, secret.kind, secret.age ?? '?', nextText(secret, now), secret.owner]
}

function nextText({ nextRotation, overdueSince, expiresAt, rotateEvery }: SecretView, now: number): string {
  if (overdueSince !== undefined) return `OVERDUE for ${span(now - Date.parse(overdueSince))}`
  if (nextRotation === 'unmanaged') return 'unmanaged'
  const isEnd = nextRotation === expiresAt
  const every = rotateEvery === undefined || isEnd ? '' : `, every ${rotateEvery}`
  return `${isEnd ? 'ends ' : ''}${fromNow(nextRotation, now)}${every}`
}

function summary({ totals, otherOrganizations }: InventoryView): string {
  const { secrets, unmanaged, overdue } = totals
  const others = otherOrganizations?.secrets ?? 0
  return [
    `${counted(secrets, 'secret')}: ${overdue === 0 ? 'none' : overdue} overdue, ${unmanaged === 0 ? 'none' : unmanaged} unmanaged.`,
    ...(others === 0 ? [] : [`${counted(others, 'secret')} of other organizations not shown.`]),
  ].join(' ')
}
