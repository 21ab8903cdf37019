import type { Command } from 'commander'
import { redeliver } from '../../client/webhooks.ts'
import { print, type Shell } from '../../shell.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { idPart, webhookArgument } from '../words.ts'

/** `rekey webhook redeliver WEBHOOK [DELIVERY]`. */
export function redeliverCommand(shell: Shell): Command {
  return newCommand('redeliver', 'deliver something once more: one delivery, or all that was given up')
    .addArgument(webhookArgument())
    .argument('[delivery]', 'id of the delivery, as "rekey webhook deliveries" shows it', idPart)
    .action(async (id: string, delivery: string | undefined, _options: object, command: Command) => {
      const json = await redeliver(managementOf(shell), id, delivery)
      print(shell, wantsJson(command), { json, text: redeliveredText(json.redelivered) })
    })
}

function redeliveredText(count: number): string {
  if (count === 0) return 'Nothing was given up, so nothing is delivered once more.'
  return `${count === 1 ? 'One event is' : `${count} events are`} delivered once more.`
}
