import type { Command } from 'commander'
import { listWebhooks, type Webhook } from '../../client/webhooks.ts'
import { print, type Shell } from '../../shell.ts'
import { table } from '../../terminal/table.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { limitOption, moreHint } from '../words.ts'

/** `rekey webhook list`. */
export function listCommand(shell: Shell): Command {
  return newCommand('list', 'show the webhooks, and what is not delivered')
    .addOption(limitOption())
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const found = await listWebhooks(managementOf(shell), limit)
      const text = [webhooksTable(found.webhooks, shell.columns), ...moreHint(found.nextCursor, limit)].join('\n')
      print(shell, wantsJson(command), { json: found, text })
    })
}

function webhooksTable(webhooks: readonly Webhook[], terminal?: number): string {
  if (webhooks.length === 0) return 'There is no webhook.'
  const rows = webhooks.map(({ id, name, status, events, deliveries }) => [
    id,
    name,
    status,
    String(deliveries.pending),
    String(deliveries.dead_letter),
    events.join(' '),
  ])
  return table(['WEBHOOK', 'NAME', 'STATUS', 'PENDING', 'DEAD', 'EVENTS'], rows, terminal)
}
