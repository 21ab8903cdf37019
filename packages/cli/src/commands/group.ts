import { Command } from 'commander'
import type { Shell } from '../shell.ts'

/** A command that only has others below it. */
export function newGroup(
  shell: Shell,
  name: string,
  description: string,
  builders: readonly ((shell: Shell) => Command | Command[])[],
): Command {
  const group = new Command(name).description(description)
  for (const command of builders.flatMap((build) => build(shell))) group.addCommand(command)
  return group
}
