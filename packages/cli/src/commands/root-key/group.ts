import type { Command } from 'commander'
import type { Shell } from '../../shell.ts'
import { newGroup } from '../group.ts'
import { addCommand } from './add.ts'
import { listCommand } from './list.ts'
import { removeOldCommand } from './remove-old.ts'

const builders = [listCommand, addCommand, removeOldCommand]

/** `rekey root-key …`: the key that everything in the database is sealed by. */
export function rootKeyCommand(shell: Shell): Command {
  return newGroup(shell, 'root-key', 'the key that everything in the database is sealed by', builders)
}
