/** What may become of an incident, for journals to write down: pure, and the same wherever incidents are kept. */
import { BreakGlassError } from '../error.ts'
import { addToTimeline, changeStep } from '../incident/change.ts'
import type { Plan } from '../incident/plan.ts'
import { type IncidentRecord, newSteps, type StepName } from '../incident/record.ts'
import type { StepChange } from './journal.ts'

/** An incident as it is stored; `now` belongs to the reading. */
export type StoredIncident = Omit<IncidentRecord, 'now'>

/** @param now milliseconds since the epoch, as everywhere here */
export function opened(plan: Plan, by: string, now: number): StoredIncident {
  const at = iso(now)
  const timeline = [{ at, what: 'opened', by }]
  return { plan, openedAt: at, openedBy: by, frozen: false, steps: newSteps(), timeline }
}

/** @throws BreakGlassError `INCIDENT_DIFFERS` */
export function sameKey(incident: StoredIncident, plan: Plan): void {
  if (incident.plan.kid === plan.kid) return
  throw new BreakGlassError(
    'INCIDENT_DIFFERS',
    `incident ${plan.incident} is there already, and it is about the key ${incident.plan.kid}: another key is another incident`,
    { incident: plan.incident, kid: incident.plan.kid },
  )
}

/** @throws BreakGlassError `INCIDENT_CLAIMED` */
export function claimed(incident: StoredIncident, runner: string, seconds: number, now: number): StoredIncident {
  refuseOthers(incident, runner, now)
  const claim = { runner, until: iso(now + seconds * 1_000) }
  if (incident.claim?.runner === runner) return { ...incident, claim }
  return {
    ...incident,
    claim,
    timeline: addToTimeline(incident.timeline, { at: iso(now), what: 'claimed', by: runner }),
  }
}

export function released(incident: StoredIncident, runner: string): StoredIncident {
  if (incident.claim?.runner !== runner) return incident
  const { claim: _claim, ...rest } = incident
  return rest
}

/**
 * A claim that is over and that nobody took since is still its runner's: nothing was done meanwhile that he does not know.
 *
 * @throws BreakGlassError `INCIDENT_CLAIMED`
 */
export function stepped(
  incident: StoredIncident,
  runner: string,
  name: StepName,
  change: StepChange,
  now: number,
): StoredIncident {
  if (incident.claim?.runner !== runner) throw claimedBy(incident, runner)
  const { steps, timeline } = changeStep(incident, name, change, { runner, at: iso(now) })
  return { ...incident, steps, timeline }
}

export function frozen(incident: StoredIncident, by: string, now: number): StoredIncident {
  if (incident.frozen) return incident
  const at = iso(now)
  const timeline = addToTimeline(incident.timeline, { at, what: 'frozen', by })
  const { unfrozenAt: _at, unfrozenBy: _by, ...rest } = incident
  return { ...rest, frozen: true, frozenAt: at, timeline }
}

export function unfrozen(
  incident: StoredIncident,
  by: string,
  reason: string | undefined,
  now: number,
): StoredIncident {
  if (!incident.frozen) return incident
  const at = iso(now)
  const details = reason === undefined ? {} : { details: { reason } }
  const timeline = addToTimeline(incident.timeline, { at, what: 'unfrozen', by, ...details })
  return { ...incident, frozen: false, unfrozenAt: at, unfrozenBy: by, timeline }
}

function refuseOthers(incident: StoredIncident, runner: string, now: number): void {
  const { claim } = incident
  if (claim && claim.runner !== runner && now < Date.parse(claim.until)) throw claimedBy(incident, runner)
}

function claimedBy({ plan, claim }: StoredIncident, runner: string): BreakGlassError {
  const who = claim
    ? `${claim.runner} carries incident ${plan.incident} out`
    : `${runner} does not hold ${plan.incident}`
  return new BreakGlassError('INCIDENT_CLAIMED', who, { incident: plan.incident, ...claim })
}

const iso = (ms: number) => new Date(ms).toISOString()
