import { Command } from 'commander'
import type { Shell } from '../../shell.ts'
import { changeCommands } from './change.ts'
import { createCommand } from './create.ts'
import { listCommand } from './list.ts'
import { showCommand } from './show.ts'

/** `rekey agent …`: the clients that get tokens. */
export function agentCommand(shell: Shell): Command {
  const group = new Command('agent').description('the clients that get tokens')
  const commands = [createCommand(shell), listCommand(shell), showCommand(shell), ...changeCommands(shell)]
  for (const command of commands) group.addCommand(command)
  return group
}
