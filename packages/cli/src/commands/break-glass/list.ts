import type { Command } from 'commander'
import type { Shell } from '../../shell.ts'
import { newCommand, wantsJson } from '../command.ts'
import { commandsOption } from './options.ts'

/** `rekey break-glass list`: every incident, the newest first. */
export function listCommand(shell: Shell): Command {
  return newCommand('list', 'show every incident, the newest first')
    .addOption(commandsOption())
    .action(async ({ idpCommands }: { idpCommands?: string }, self: Command) => {
      const { list } = await import('../../break-glass/look.ts')
      await list(shell, idpCommands, wantsJson(self))
    })
}
