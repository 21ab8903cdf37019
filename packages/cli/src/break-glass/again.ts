import { type ApiTarget, checkIncident, resumeIncident } from '@rekey/breakglass'
import type { Shell } from '../shell.ts'
import { targetsOf } from './asked.ts'
import { finish } from './finish.ts'
import { carryOut, type RunOptions, wholeIncident } from './run.ts'

/** Goes on where an incident stopped. */
export async function resume(shell: Shell, incident: string, options: RunOptions, asJson: boolean): Promise<void> {
  const outcome = await carryOut(shell, { ...options, asJson, shown: wholeIncident }, (s, { known }) =>
    resumeIncident(incident, { ...s, mayTell: isAmong(known, options, shell) }),
  )
  finish(shell, asJson, outcome, options)
}

/** Proves again what was proved, and seals that. */
export async function check(shell: Shell, incident: string, options: RunOptions, asJson: boolean): Promise<void> {
  const shown = { steps: ['verifiers', 'prove', 'changes', 'evidence'], anew: true } as const
  const outcome = await carryOut(shell, { ...options, asJson, shown }, (s, { known }) =>
    checkIncident(incident, { ...s, mayTell: isAmong(known, options, shell) }),
  )
  finish(shell, asJson, outcome, options)
}

/** The plan may be somebody else's: the secret of the internal endpoints goes to no API that nobody here named. */
function isAmong(known: readonly ApiTarget[], { api = [] }: RunOptions, { folder }: Shell) {
  const named = api.flatMap((spec) => targetsOf(spec, folder))
  const urls = new Set([...known, ...named].map(({ url }) => url))
  return ({ url }: { url: string }) => urls.has(url)
}
