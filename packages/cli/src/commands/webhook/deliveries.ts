import { type Command, Option } from 'commander'
import { type Delivery, listDeliveries } from '../../client/webhooks.ts'
import { print, type Shell } from '../../shell.ts'
import { fromNow } from '../../terminal/span.ts'
import { table } from '../../terminal/table.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { limitOption, moreHint, webhookArgument } from '../words.ts'

interface DeliveriesOptions {
  limit: number
  status?: string
}

/** `rekey webhook deliveries WEBHOOK`. */
export function deliveriesCommand(shell: Shell): Command {
  const statuses = ['pending', 'delivered', 'dead_letter']
  return newCommand('deliveries', 'show what was and is to be delivered, the newest event first')
    .addArgument(webhookArgument())
    .addOption(new Option('--status <status>', 'only those').choices(statuses))
    .addOption(limitOption())
    .action(async (id: string, { limit, status }: DeliveriesOptions, command: Command) => {
      const found = await listDeliveries(managementOf(shell), id, limit, status)
      const text = [deliveriesTable(found.deliveries, shell), ...moreHint(found.nextCursor, limit)].join('\n')
      print(shell, wantsJson(command), { json: found, text })
    })
}

function deliveriesTable(deliveries: readonly Delivery[], shell: Pick<Shell, 'now' | 'columns'>): string {
  if (deliveries.length === 0) return 'There is no such delivery.'
  const now = shell.now()
  const rows = deliveries.map(({ id, action, status, attempts, createdAt, nextAttemptAt, lastStatus, lastError }) => [
    id,
    action,
    status,
    String(attempts),
    fromNow(createdAt, now),
    nextAttemptAt === undefined ? '' : fromNow(nextAttemptAt, now),
    lastError ?? (lastStatus === undefined ? '' : String(lastStatus)),
  ])
  return table(['DELIVERY', 'EVENT', 'STATUS', 'ATTEMPTS', 'SINCE', 'NEXT', 'LAST ANSWER'], rows, shell.columns)
}
