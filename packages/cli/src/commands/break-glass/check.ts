import type { Command } from 'commander'
import type { RunOptions } from '../../break-glass/run.ts'
import type { Shell } from '../../shell.ts'
import { newCommand, wantsJson } from '../command.ts'
import { againOptions, incidentArgument } from './options.ts'

/** `rekey break-glass check INCIDENT`: proves again what an incident proved, also while administration is frozen. */
export function checkCommand(shell: Shell): Command {
  const command = newCommand(
    'check',
    'prove again that the key is shut out, at any time, and seal the evidence anew',
  ).addArgument(incidentArgument())
  for (const option of againOptions()) command.addOption(option)
  return command.action(async (incident: string, options: RunOptions, self: Command) => {
    const { check } = await import('../../break-glass/again.ts')
    await check(shell, incident, options, wantsJson(self))
  })
}
