import type { Command } from 'commander'
import type { RunOptions } from '../../break-glass/run.ts'
import type { Shell } from '../../shell.ts'
import { newCommand, wantsJson } from '../command.ts'
import { againOptions, incidentArgument } from './options.ts'

/** `rekey break-glass resume INCIDENT`: goes on where an incident stopped. */
export function resumeCommand(shell: Shell): Command {
  const command = newCommand('resume', 'go on with an incident where it stopped, from any machine').addArgument(
    incidentArgument(),
  )
  for (const option of againOptions()) command.addOption(option)
  return command.action(async (incident: string, options: RunOptions, self: Command) => {
    const { resume } = await import('../../break-glass/again.ts')
    await resume(shell, incident, options, wantsJson(self))
  })
}
