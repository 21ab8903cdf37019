import type { Plan } from '../../incident/plan.ts'
import type { CommandConfig, CommandName } from './config.ts'

const withoutIt: Partial<Record<CommandName, string>> = {
  freeze: 'administration goes on while the key is being shut out',
  probe: 'no token can be tried, so that nothing is proved',
  publish:
    'unless promote sees to it, the successor signs before those who poll have it, and they refuse fresh tokens until they look again',
  changes: 'nothing lists what was changed by means of the key',
  record: "the evidence holds nothing of the provider's own record",
}

/** What the operator should know of commands that are not given. */
export function warningsOf({ commands }: CommandConfig, plan: Plan): string[] {
  const absent = Object.entries(withoutIt).filter(([name]) => !commands[name as CommandName])
  const warnings = absent.map(([name, consequence]) => `there is no command ${name}: ${consequence}`)
  if (plan.sessions.length > 0 && !commands.endSessions) warnings.push(sessionsGoOn)
  if (plan.suspectStore) warnings.push(storeIsTheirs)
  return warnings
}

export const sessionsGoOn =
  'there is no command endSessions: instances are told what to deny, but at the provider the sessions go on, and get fresh tokens'

const storeIsTheirs =
  'that the store may have leaked is told to the commands: that the successor was not in it is for them to see to'
