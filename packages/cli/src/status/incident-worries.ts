import type { IncidentView } from '../client/incidents.ts'
import type { Attention } from './attention.ts'

/** An incident that freezes administration, and one that is not carried out to its end. */
export function incidentWorries(record: IncidentView): Attention[] {
  return [...unfinished(record), ...frozen(record)]
}

function frozen({ plan, frozen: isFrozen, frozenAt, openedAt }: IncidentView): Attention[] {
  if (!isFrozen) return []
  const what = `administration is frozen by incident ${plan.incident}`
  return [{ what, since: frozenAt ?? openedAt, command: `rekey break-glass unfreeze ${plan.incident}` }]
}

function unfinished(record: IncidentView): Attention[] {
  const { plan, steps, claim, openedAt, now } = record
  const due = steps.find(({ state }) => state !== 'done')
  if (!due) return []
  const at = `incident ${plan.incident} (key ${plan.kid}) is not finished: it is at "${due.name}"`
  // By the clock that the claim ends by: the one here may go otherwise.
  if (claim && Date.parse(claim.until) > Date.parse(now)) {
    const what = `${at}, and ${claim.runner} carries it out`
    return [{ what, since: openedAt, command: `rekey break-glass show ${plan.incident}` }]
  }
  const why = due.error === undefined ? '' : `, where ${due.error.message}`
  return [{ what: `${at}${why}`, since: openedAt, command: `rekey break-glass resume ${plan.incident}` }]
}
