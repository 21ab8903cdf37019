import type { Command } from 'commander'
import { confirmWebhookSecret } from '../../client/webhooks.ts'
import { print, type Shell } from '../../shell.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { webhookArgument } from '../words.ts'

/** `rekey webhook confirm-secret WEBHOOK`. */
export function confirmSecretCommand(shell: Shell): Command {
  return newCommand('confirm-secret', 'say that the receiver has the newest secret: the others sign nothing more')
    .addArgument(webhookArgument())
    .action(async (id: string, _options: object, command: Command) => {
      const json = await confirmWebhookSecret(managementOf(shell), id)
      print(shell, wantsJson(command), { json, text: 'Deliveries are signed by the newest secret alone.' })
    })
}
