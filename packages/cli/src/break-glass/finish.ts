import type { Outcome } from '@rekey/breakglass'
import { CliError } from '../error.ts'
import { print, type Shell } from '../shell.ts'
import { documentOf } from './document.ts'
import { incidentReport } from './report.ts'

/**
 * Tells what came of an incident.
 *
 * @throws CliError `NOT_CONTAINED`
 */
export function finish(shell: Shell, asJson: boolean, outcome: Outcome): void {
  print(shell, asJson, { json: documentOf(outcome), text: incidentReport(outcome) })
  if (outcome.contained) return
  const { incident, kid } = outcome.record.plan
  throw new CliError('NOT_CONTAINED', `${incident}: it is not proved that ${kid} is shut out everywhere`)
}
