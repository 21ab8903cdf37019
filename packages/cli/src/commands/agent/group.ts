import type { Command } from 'commander'
import type { Shell } from '../../shell.ts'
import { newGroup } from '../group.ts'
import { changeCommands } from './change.ts'
import { createCommand } from './create.ts'
import { listCommand } from './list.ts'
import { showCommand } from './show.ts'

const builders = [createCommand, listCommand, showCommand, changeCommands]

/** `rekey agent …`: the clients that get tokens. */
export function agentCommand(shell: Shell): Command {
  return newGroup(shell, 'agent', 'the clients that get tokens', builders)
}
