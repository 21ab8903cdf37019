import type { Command } from 'commander'
import { changeWebhook, type WebhookChange } from '../../client/webhooks.ts'
import { CliError } from '../../error.ts'
import { print, type Shell } from '../../shell.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { defined, repeated, webhookArgument } from '../words.ts'
import { webhookText } from './show.ts'

interface ChangeOptions {
  name?: string
  url?: string
  event?: string[]
  pause?: boolean
  resume?: boolean
}

/** `rekey webhook change WEBHOOK`. */
export function changeCommand(shell: Shell): Command {
  return newCommand('change', 'change a webhook, pause it, or let it go on')
    .addArgument(webhookArgument())
    .option('--name <text>', 'how it is called')
    .option('--url <url>', 'where events are sent')
    .option('--event <event>', 'these instead of those that it has; may be given several times', repeated)
    .option('--pause', 'send nothing from now on')
    .option('--resume', 'send again, also where it was disabled')
    .action(async (id: string, options: ChangeOptions, command: Command) => {
      const json = await changeWebhook(managementOf(shell), id, changeOf(options))
      print(shell, wantsJson(command), { json, text: webhookText(json, shell.now()) })
    })
}

function changeOf({ name, url, event: events, pause, resume }: ChangeOptions): WebhookChange {
  if (pause && resume) throw new CliError('WRONG_USE', '--pause and --resume exclude each other')
  const status = pause ? 'paused' : resume ? 'active' : undefined
  const change = defined({ name, url, events, status }) as WebhookChange
  if (Object.keys(change).length === 0) throw new CliError('WRONG_USE', 'say what is to be changed')
  return change
}
