import type { Command } from 'commander'
import type { Shell } from '../../shell.ts'
import { newGroup } from '../group.ts'
import { changeCommands } from './change.ts'
import { createCommand } from './create.ts'
import { listCommand } from './list.ts'
import { setPasswordCommand } from './set-password.ts'
import { showCommand } from './show.ts'

const builders = [createCommand, listCommand, showCommand, setPasswordCommand, changeCommands]

/** `rekey account …`: the people who log in. */
export function accountCommand(shell: Shell): Command {
  return newGroup(shell, 'account', 'the people who log in', builders)
}
