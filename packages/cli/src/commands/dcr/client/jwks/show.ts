import type { Command } from 'commander'
import { readKeys, refreshKeys } from '../../../../client/registration/keys.ts'
import type { Shell } from '../../../../shell.ts'
import { managementOf, newCommand, wantsJson } from '../../../command.ts'
import { clientArgument } from '../../../words.ts'
import { printKeys } from './text.ts'

const ways = [
  { name: 'show', read: readKeys, description: 'show the public keys that a client authenticates by' },
  { name: 'refresh', read: refreshKeys, description: 'have the jwks_uri of a client read at once' },
] as const

/** `rekey dcr client jwks show | refresh CLIENT`. */
export function showCommands(shell: Shell): Command[] {
  return ways.map(({ name, read, description }) =>
    newCommand(name, description)
      .addArgument(clientArgument())
      .action(async (id: string, _options: object, command: Command) => {
        printKeys(shell, wantsJson(command), await read(managementOf(shell), id))
      }),
  )
}
