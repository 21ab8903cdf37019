import type { Command } from 'commander'
import { act } from '../client/keyrings.ts'
import { print, type Shell } from '../shell.ts'
import { bffOption, managementOf, newCommand, towards, wantsJson } from './command.ts'

/** `rekey prepare KEYRING`: makes and publishes another version that is not used yet. */
export function prepareCommand(shell: Shell): Command {
  return newCommand('prepare', 'make and publish another version without using it')
    .argument('<keyring>', 'name of the keyring')
    .addOption(bffOption())
    .action(async (name: string, { bff }: { bff?: string }, command: Command) => {
      const keyring = await act(managementOf(towards(bff, shell)), name, 'prepare')
      const made = keyring.versions.findLast((version) => version.state === 'prepared')
      const text = `${name}: ${made?.id ?? 'no version'} is prepared and published.`
      print(shell, wantsJson(command), { json: keyring, text })
    })
}
