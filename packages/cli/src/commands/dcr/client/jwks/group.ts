import type { Command } from 'commander'
import type { Shell } from '../../../../shell.ts'
import { newGroup } from '../../../group.ts'
import { publishCommands } from './publish.ts'
import { showCommands } from './show.ts'

/** `rekey dcr client jwks …`: the public keys that a client authenticates by. */
export function jwksCommand(shell: Shell): Command {
  return newGroup(shell, 'jwks', 'the public keys of a client', [showCommands, publishCommands])
}
