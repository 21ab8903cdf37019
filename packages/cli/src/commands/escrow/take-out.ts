import type { Command } from 'commander'
import { takeOutOfEscrow } from '../../client/columns.ts'
import { print, type Shell, tell } from '../../shell.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'

/** `rekey escrow take-out VERSION`: prints the key, for a backup that cannot be read without it. */
export function takeOutCommand(shell: Shell): Command {
  return newCommand('take-out', 'print a key that is in escrow, to open a backup by it')
    .argument('<version>', 'id of the version, as "rekey escrow list" shows it')
    .requiredOption('--reason <text>', 'why, for the audit trail')
    .action(async (version: string, { reason }: { reason: string }, command: Command) => {
      const taken = await takeOutOfEscrow(managementOf(shell), version, reason)
      tell(shell, `The key of ${version}; the audit has who took it out, and why.`)
      print(shell, wantsJson(command), { json: taken, text: taken.key })
    })
}
