import type { Command } from 'commander'
import { activeOf } from '../client/keyring.ts'
import { act } from '../client/keyrings.ts'
import { print, type Shell } from '../shell.ts'
import { bffOption, managementOf, newCommand, towards, wantsJson } from './command.ts'

/** `rekey rollback KEYRING`: makes the version that was demoted last active again. */
export function rollbackCommand(shell: Shell): Command {
  return newCommand('rollback', 'make the version that was demoted last active again (within the rollback window)')
    .argument('<keyring>', 'name of the keyring')
    .addOption(bffOption())
    .action(async (name: string, { bff }: { bff?: string }, command: Command) => {
      const keyring = await act(managementOf(towards(bff, shell)), name, 'rollback')
      const text = `${name}: ${activeOf(keyring)?.id ?? 'no version'} is active again.`
      print(shell, wantsJson(command), { json: keyring, text })
    })
}
