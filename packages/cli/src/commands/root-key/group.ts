import { Command } from 'commander'
import type { Shell } from '../../shell.ts'
import { addCommand } from './add.ts'
import { listCommand } from './list.ts'
import { removeOldCommand } from './remove-old.ts'

const builders = [listCommand, addCommand, removeOldCommand]

/** `rekey root-key …`: the key that everything in the database is sealed by. */
export function rootKeyCommand(shell: Shell): Command {
  const group = new Command('root-key').description('the key that everything in the database is sealed by')
  for (const build of builders) group.addCommand(build(shell))
  return group
}
