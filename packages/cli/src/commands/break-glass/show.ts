import type { Command } from 'commander'
import type { Shell } from '../../shell.ts'
import { newCommand, wantsJson } from '../command.ts'
import { commandsOption, incidentArgument } from './options.ts'

/** `rekey break-glass show INCIDENT`: how far it is. */
export function showCommand(shell: Shell): Command {
  return newCommand('show', 'show how far an incident is, and what is open')
    .addArgument(incidentArgument())
    .addOption(commandsOption())
    .action(async (incident: string, { idpCommands }: { idpCommands?: string }, self: Command) => {
      const { show } = await import('../../break-glass/look.ts')
      await show(shell, incident, idpCommands, wantsJson(self))
    })
}
