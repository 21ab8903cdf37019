import type { Command } from 'commander'
import type { Shell } from '../../shell.ts'
import { newCommand, wantsJson } from '../command.ts'
import { commandsOption, incidentArgument } from './options.ts'

interface UnfreezeOptions {
  operator?: string
  reason?: string
  idpCommands?: string
}

/** `rekey break-glass unfreeze INCIDENT`: administration works again. */
export function unfreezeCommand(shell: Shell): Command {
  return newCommand('unfreeze', 'let administration work again')
    .addArgument(incidentArgument())
    .option('--operator <name>', 'who decided it (default: the client that asks)')
    .option('--reason <text>', 'why, for the audit trail')
    .addOption(commandsOption())
    .action(async (incident: string, options: UnfreezeOptions, self: Command) => {
      const { unfreeze } = await import('../../break-glass/unfreeze.ts')
      await unfreeze(shell, incident, options, wantsJson(self))
    })
}
