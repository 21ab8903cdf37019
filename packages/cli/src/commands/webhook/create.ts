import type { Command } from 'commander'
import { createWebhook } from '../../client/webhooks.ts'
import { print, type Shell } from '../../shell.ts'
import { members } from '../../terminal/table.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { repeated } from '../words.ts'

/** `rekey webhook create NAME URL --event E`. */
export function createCommand(shell: Shell): Command {
  return newCommand('create', 'send events to a URL, and print the secret that they are signed by, once')
    .argument('<name>', 'how it is called')
    .argument('<url>', 'where events are sent')
    .option('--event <event>', 'for example credential.rotated, credential.* or * (default); several times', repeated)
    .action(async (name: string, url: string, { event = ['*'] }: { event?: string[] }, command: Command) => {
      const json = await createWebhook(managementOf(shell), { name, url, events: event })
      const text = members({
        Webhook: json.id,
        Events: json.events.join(' '),
        Secret: `${json.signingSecret}   (shown only now)`,
      })
      print(shell, wantsJson(command), { json, text })
    })
}
