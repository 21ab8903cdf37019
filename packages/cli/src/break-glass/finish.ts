import type { Outcome } from '@rekey/breakglass'
import { CliError } from '../error.ts'
import { print, type Shell } from '../shell.ts'
import { type Told, withCommandsNamed } from './commands-named.ts'
import { documentOf, type Seen } from './document.ts'
import { incidentReport } from './report.ts'

/**
 * Tells what came of an incident.
 *
 * @throws CliError `NOT_CONTAINED`, also while something else is open
 */
export function finish(shell: Shell, asJson: boolean, outcome: Outcome, same: Told): void {
  tellIncident(shell, asJson, outcome, same)
  const { contained, open, record } = outcome
  if (contained && open.length === 0) return
  const { incident, kid } = record.plan
  const why = contained
    ? `${kid} is shut out everywhere, but something is open still`
    : `it is not proved that ${kid} is shut out everywhere`
  throw new CliError('NOT_CONTAINED', `${incident}: ${why}`)
}

/** Tells how an incident stands. */
export function tellIncident(shell: Shell, asJson: boolean, seen: Seen, same: Told): void {
  const named = (text: string) => withCommandsNamed(text, same)
  const document = documentOf(seen)
  const json = { ...document, open: document.open.map(named) }
  print(shell, asJson, { json, text: named(incidentReport(seen)) })
}
