import { breakGlass, type Plan, type Rehearsal, rehearse } from '@rekey/breakglass'
import { CliError } from '../error.ts'
import { print, type Shell } from '../shell.ts'
import { type Asked, planOf, requireSense } from './asked.ts'
import { told } from './errors.ts'
import { finish } from './finish.ts'
import { concerned } from './provider.ts'
import { rehearsalText } from './rehearsal.ts'
import { isReplacedHere, replaceRootKey } from './replace-root-key.ts'
import { carryOut, noEvidence, type RunOptions, surroundingsOf, wholeIncident } from './run.ts'

/** Carries an incident out from its beginning, or goes on with it where it is known already. */
export async function start(shell: Shell, asked: Asked & RunOptions, asJson: boolean): Promise<void> {
  await told(async () => requireSense(asked))
  const outcome = await carryOut(shell, { ...asked, asJson, shown: wholeIncident }, async (surroundings, about) => {
    const plan = planOf(asked, about.apis, shell.folder)
    if (plan.suspectStore) await replaceRootKey(plan, about, shell)
    // One of this name may be there already, and its plan be somebody else's.
    const urls = new Set(plan.apis.map(({ url }) => url))
    return await breakGlass(plan, { ...surroundings, mayTell: ({ url }) => urls.has(url) })
  })
  finish(shell, asJson, outcome, asked)
}

/** Looks, tells what would be done, and changes nothing. @throws CliError `REFUSED` when it would not begin */
export async function rehearseStart(shell: Shell, asked: Asked & RunOptions, asJson: boolean): Promise<void> {
  const [plan, rehearsal] = await told(async () => {
    requireSense(asked)
    const about = await concerned(shell, asked.idpCommands)
    const plan: Plan = planOf(asked, about.apis, shell.folder)
    const found = await rehearse(plan, surroundingsOf(shell, about, asked, noEvidence(shell)))
    return [plan, isReplacedHere(about, shell) ? withRootKey(found) : found] as const
  })
  const json = { incident: plan.incident, kid: plan.kid, ...rehearsal }
  const [obstacle] = rehearsal.inspection.obstacles
  // An error's facts are its document, of which one is printed.
  if (!obstacle || !asJson) print(shell, asJson, { json, text: rehearsalText(plan, rehearsal) })
  if (obstacle)
    throw new CliError('REFUSED', `it would not begin: ${obstacle.message}`, { code: obstacle.code, ...json })
}

/** Here that is put right before anything else is done. */
function withRootKey(found: Rehearsal): Rehearsal {
  const { inspection, warnings } = found
  const obstacles = inspection.obstacles.filter(({ code }) => code !== 'ROOT_KEY_NOT_REPLACED')
  if (obstacles.length === inspection.obstacles.length) return found
  const first = 'The root key of the estate is replaced first.'
  return { ...found, inspection: { ...inspection, obstacles }, warnings: [first, ...warnings] }
}
