import type { Command } from 'commander'
import { act } from '../client/keyrings.ts'
import { print, type Shell } from '../shell.ts'
import { bffOption, managementOf, newCommand, towards, wantsJson } from './command.ts'

/** `rekey discard KEYRING VERSION`: retires a prepared version that was never used. */
export function discardCommand(shell: Shell): Command {
  return newCommand('discard', 'retire a prepared version that was never used')
    .argument('<keyring>', 'name of the keyring')
    .argument('<version>', 'id of the version (a kid)')
    .addOption(bffOption())
    .action(async (name: string, id: string, { bff }: { bff?: string }, command: Command) => {
      const keyring = await act(managementOf(towards(bff, shell)), name, 'discard', { id })
      print(shell, wantsJson(command), { json: keyring, text: `${name}: ${id} is discarded.` })
    })
}
