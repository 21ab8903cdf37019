import type { Command } from 'commander'
import { deleteWebhook } from '../../client/webhooks.ts'
import { print, type Shell } from '../../shell.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { webhookArgument } from '../words.ts'

/** `rekey webhook delete WEBHOOK`. */
export function deleteCommand(shell: Shell): Command {
  return newCommand('delete', 'end a webhook, with all that was to be delivered to it')
    .addArgument(webhookArgument())
    .action(async (id: string, _options: object, command: Command) => {
      await deleteWebhook(managementOf(shell), id)
      print(shell, wantsJson(command), { json: { id, deleted: true }, text: `Webhook ${id} is deleted.` })
    })
}
