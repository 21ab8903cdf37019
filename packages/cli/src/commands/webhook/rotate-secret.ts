import type { Command } from 'commander'
import { type NewSecret, rotateWebhookSecret } from '../../client/webhooks.ts'
import { print, type Shell } from '../../shell.ts'
import { span } from '../../terminal/span.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { duration, webhookArgument } from '../words.ts'

/** `rekey webhook rotate-secret WEBHOOK`. */
export function rotateSecretCommand(shell: Shell): Command {
  return newCommand('rotate-secret', 'replace the secret of a webhook and print the new one, once')
    .addArgument(webhookArgument())
    .option('--overlap <span>', 'for how long the old one signs, too (default: 24h); 0s where it has leaked', duration)
    .action(async (id: string, { overlap }: { overlap?: string }, command: Command) => {
      const json = await rotateWebhookSecret(managementOf(shell), id, overlap)
      const text = `${json.signingSecret}   (shown only now)\n\n${fate(json, shell.now())}`
      print(shell, wantsJson(command), { json, text })
    })
}

/** What becomes of the old one. */
function fate({ id, overlapEndsAt }: NewSecret, now: number): string {
  if (overlapEndsAt === undefined) return 'The old secret signs nothing more.'
  return `The old secret signs, too, for ${span(Date.parse(overlapEndsAt) - now)}, or until "rekey webhook confirm-secret ${id}".`
}
