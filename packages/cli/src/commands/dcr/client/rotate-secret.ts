import type { Command } from 'commander'
import { changeSecret } from '../../../client/registration/clients.ts'
import { print, type Shell, tell } from '../../../shell.ts'
import { atTime } from '../../../terminal/moment.ts'
import { managementOf, newCommand, wantsJson } from '../../command.ts'
import { clientArgument, duration } from '../../words.ts'

/** `rekey dcr client rotate-secret CLIENT`: the only way to change the secret of a client that registered. */
export function rotateSecretCommand(shell: Shell): Command {
  return newCommand('rotate-secret', 'replace the secret of a client and print the new one, once')
    .addArgument(clientArgument())
    .option('--overlap <span>', 'for how long the old one works too, for example 24h (default: not at all)', duration)
    .action(async (id: string, { overlap }: { overlap?: string }, command: Command) => {
      const json = await changeSecret(managementOf(shell), id, overlap)
      // First of all: it is the only copy.
      print(shell, wantsJson(command), { json, text: json.client_secret })
      const ends = json.overlap_ends_at
      tell(
        shell,
        ends ? `The old secret ends ${atTime(ends, shell.now())}.` : 'The old secret is dead on every instance.',
      )
    })
}
