import { checkIncident, resumeIncident } from '@rekey/breakglass'
import type { Shell } from '../shell.ts'
import { finish } from './finish.ts'
import { carryOut, type RunOptions, wholeIncident } from './run.ts'

/** Goes on where an incident stopped. */
export async function resume(shell: Shell, incident: string, options: RunOptions, asJson: boolean): Promise<void> {
  const shown = wholeIncident
  finish(shell, asJson, await carryOut(shell, { ...options, asJson, shown }, (s) => resumeIncident(incident, s)))
}

/** Proves again what was proved, and seals that. */
export async function check(shell: Shell, incident: string, options: RunOptions, asJson: boolean): Promise<void> {
  const shown = { steps: ['verifiers', 'prove', 'changes', 'evidence'], anew: true } as const
  finish(shell, asJson, await carryOut(shell, { ...options, asJson, shown }, (s) => checkIncident(incident, s)))
}
