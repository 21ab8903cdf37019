import { breakGlass, type Plan, rehearse } from '@rekey/breakglass'
import { print, type Shell } from '../shell.ts'
import { type Asked, planOf, requireSense } from './asked.ts'
import { told } from './errors.ts'
import { finish } from './finish.ts'
import { concerned } from './provider.ts'
import { rehearsalText } from './rehearsal.ts'
import { replaceRootKey } from './replace-root-key.ts'
import { carryOut, noEvidence, type RunOptions, surroundingsOf, wholeIncident } from './run.ts'

/** Carries an incident out from its beginning, or goes on with it where it is known already. */
export async function start(shell: Shell, asked: Asked & RunOptions, asJson: boolean): Promise<void> {
  await told(async () => requireSense(asked))
  const outcome = await carryOut(shell, { ...asked, asJson, shown: wholeIncident }, async (surroundings, about) => {
    const plan = planOf(asked, about.apis, shell.folder)
    if (plan.suspectStore) await replaceRootKey(plan, about, shell)
    return await breakGlass(plan, surroundings)
  })
  finish(shell, asJson, outcome)
}

/** Looks, tells what would be done, and changes nothing. */
export async function rehearseStart(shell: Shell, asked: Asked & RunOptions, asJson: boolean): Promise<void> {
  const [plan, rehearsal] = await told(async () => {
    requireSense(asked)
    const about = await concerned(shell, asked.idpCommands)
    const plan: Plan = planOf(asked, about.apis, shell.folder)
    return [plan, await rehearse(plan, surroundingsOf(shell, about, asked, noEvidence(shell)))] as const
  })
  const text = rehearsalText(plan, rehearsal)
  print(shell, asJson, { json: { incident: plan.incident, kid: plan.kid, ...rehearsal }, text })
}
