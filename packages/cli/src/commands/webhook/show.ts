import type { Command } from 'commander'
import { readWebhook, type Webhook } from '../../client/webhooks.ts'
import { print, type Shell } from '../../shell.ts'
import { fromNow } from '../../terminal/span.ts'
import { members } from '../../terminal/table.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { webhookArgument } from '../words.ts'

/** `rekey webhook show WEBHOOK`. */
export function showCommand(shell: Shell): Command {
  return newCommand('show', 'show a webhook, its secrets, and what is not delivered')
    .addArgument(webhookArgument())
    .action(async (id: string, _options: object, command: Command) => {
      const json = await readWebhook(managementOf(shell), id)
      print(shell, wantsJson(command), { json, text: webhookText(json, shell.now()) })
    })
}

/** All that is told of a webhook. */
export function webhookText(webhook: Webhook, now: number): string {
  const { pending, dead_letter: dead } = webhook.deliveries
  const secrets = webhook.secrets.map(({ id, state, until }) =>
    until === undefined ? `${id} ${state}` : `${id} ${state}, until ${fromNow(until, now)}`,
  )
  return members({
    Webhook: webhook.id,
    Name: webhook.name,
    URL: webhook.url ?? 'cannot be decrypted: `rekey webhook change` with --url sets it anew',
    Events: webhook.events.join(' '),
    Status: webhook.reason === undefined ? webhook.status : `${webhook.status}: ${webhook.reason}`,
    Secrets: secrets.join('; '),
    Failing: webhook.failingSince && `since ${fromNow(webhook.failingSince, now)}`,
    Pending: String(pending),
    'Dead letters': String(dead),
    Created: fromNow(webhook.createdAt, now),
  })
}
