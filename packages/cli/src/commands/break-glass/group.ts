import type { Command } from 'commander'
import type { Shell } from '../../shell.ts'
import { checkCommand } from './check.ts'
import { listCommand } from './list.ts'
import { resumeCommand } from './resume.ts'
import { showCommand } from './show.ts'
import { startCommand } from './start.ts'
import { unfreezeCommand } from './unfreeze.ts'

const builders = [checkCommand, resumeCommand, showCommand, listCommand, unfreezeCommand]

/** `rekey break-glass …`: a signing key is compromised. */
export function breakGlassCommand(shell: Shell): Command {
  // It has options of its own, some of which its sub-commands have as well.
  const command = startCommand(shell).enablePositionalOptions()
  for (const build of builders) command.addCommand(build(shell))
  return command
}
