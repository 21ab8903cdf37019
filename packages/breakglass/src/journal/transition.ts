/** What may become of an incident, for journals to write down: pure, and the same wherever incidents are kept. */
import { isDeepStrictEqual } from 'node:util'
import { BreakGlassError } from '../error.ts'
import { addToTimeline, changeStep } from '../incident/change.ts'
import type { Plan } from '../incident/plan.ts'
import { type Claim, type IncidentRecord, newSteps, type StepName } from '../incident/record.ts'
import type { StepChange } from './journal.ts'

/** An incident as it is stored; `now` belongs to the reading. */
export type StoredIncident = Omit<IncidentRecord, 'now'>

/** @param now milliseconds since the epoch, as everywhere here */
export function opened(plan: Plan, by: string, now: number): StoredIncident {
  const at = iso(now)
  const timeline = [{ at, what: 'opened', by }]
  return { plan, openedAt: at, openedBy: by, frozen: false, steps: newSteps(), timeline }
}

/**
 * An incident is carried out by the plan that it was opened with. Whoever asks for something else must not believe that it was
 * done; and what he is ready to call, and to tell a secret, is what he named himself.
 *
 * @throws BreakGlassError `INCIDENT_DIFFERS`
 */
export function samePlan({ plan: kept }: StoredIncident, asked: Plan): void {
  const { incident, kid } = kept
  if (kid !== asked.kid) {
    const message = `incident ${incident} is there already, and it is about the key ${kid}: another key is another incident`
    throw new BreakGlassError('INCIDENT_DIFFERS', message, { incident, kid })
  }
  const differs = decisive.filter((name) => !isDeepStrictEqual(kept[name], asked[name]))
  if (differs.length === 0) return
  const message =
    `incident ${incident} is there already, with another plan: ${differs.join(', ')}. "rekey break-glass resume ${incident}" goes ` +
    'on with that one; what it lacks is another incident about the same key'
  throw new BreakGlassError('INCIDENT_DIFFERS', message, { incident, differs })
}

/** What is done, and to whom. */
const decisive = ['sessions', 'since', 'suspectStore', 'apis'] as const satisfies (keyof Plan)[]

/**
 * @param client as whom the runner calls, where that is known: a claim is his alone who calls as the same one
 * @throws BreakGlassError `INCIDENT_CLAIMED`
 */
export function claimed(
  incident: StoredIncident,
  runner: string,
  seconds: number,
  now: number,
  client?: string,
): StoredIncident {
  const isOwn = isBy(incident.claim, runner, client)
  if (!isOwn && incident.claim && now < Date.parse(incident.claim.until)) throw claimedBy(incident, runner)
  const claim = { runner, until: iso(now + seconds * 1_000), ...(client === undefined ? {} : { client }) }
  if (isOwn) return { ...incident, claim }
  return {
    ...incident,
    claim,
    timeline: addToTimeline(incident.timeline, { at: iso(now), what: 'claimed', by: runner }),
  }
}

/**
 * Where the claim is another's by now, nothing happens.
 *
 * @throws BreakGlassError `INCIDENT_CLAIMED` where it is of this runner, and another client calls
 */
export function released(incident: StoredIncident, runner: string, client?: string): StoredIncident {
  if (incident.claim?.runner !== runner) return incident
  if (!isBy(incident.claim, runner, client)) throw claimedBy(incident, runner)
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
  client?: string,
): StoredIncident {
  if (!isBy(incident.claim, runner, client)) throw claimedBy(incident, runner)
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

function isBy(claim: Claim | undefined, runner: string, client: string | undefined): boolean {
  return claim?.runner === runner && claim.client === client
}

function claimedBy({ plan, claim }: StoredIncident, runner: string): BreakGlassError {
  const who = claim
    ? `${claim.runner} carries incident ${plan.incident} out`
    : `${runner} does not hold ${plan.incident}`
  const facts = claim && { runner: claim.runner, until: claim.until }
  return new BreakGlassError('INCIDENT_CLAIMED', who, { incident: plan.incident, ...facts })
}

const iso = (ms: number) => new Date(ms).toISOString()
