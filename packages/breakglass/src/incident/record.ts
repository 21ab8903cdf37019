import type { Plan } from './plan.ts'

/**
 * The steps of an incident, in their order. Each is written down before it runs and again when it is done, may be run any
 * number of times, and takes away nothing that a later one needs.
 *
 * `guard`      the key is known, and nothing that later steps need hangs on it: credentials, feed, evidence key
 * `freeze`     high-risk administration is refused on every instance
 * `probes`     a token by the compromised key is made while that can still be done, and seen to be accepted
 * `promote`    the successor signs, on every instance
 * `revoke`     the compromised key is revoked
 * `sessions`   the sessions concerned are ended
 * `verifiers`  every verifier on the feed has acknowledged that
 * `refresh`    every instance that polls was made to look, and was told what is denied
 * `prove`      every instance refuses the old token, takes a fresh one and refuses a denied one
 * `changes`    what was changed by means of the key, for review
 * `evidence`   all of this in one signed file
 *
 * Sealed evidence has exactly these, in this order: another step, name or order is a new `format` of evidence. A journal may lack
 * some that it was written without.
 */
export const stepNames = [
  'guard',
  'freeze',
  'probes',
  'promote',
  'revoke',
  'sessions',
  'verifiers',
  'refresh',
  'prove',
  'changes',
  'evidence',
] as const
/** The name of a step: one of `stepNames`. */
export type StepName = (typeof stepNames)[number]

/** How far a step is; one that failed is tried again by the next run. */
export type StepState = 'pending' | 'running' | 'done' | 'failed'

/** A step as its journal keeps it. Times are ISO 8601, by the journal's clock. */
export interface StepRecord {
  name: StepName
  state: StepState
  startedAt?: string
  endedAt?: string
  /** Who ran it last. */
  runner?: string
  /** How often it was begun. */
  attempts: number
  /** On whom it waits, as sentences or names; empty when on nobody. */
  waitingFor: string[]
  /** What came of it: as `StepResults` has it for a step of this name. */
  result?: unknown
  error?: { code: string; message: string }
}

/** Something that happened to an incident. */
export interface TimelineEntry {
  at: string
  /** For example `step revoke done`, `frozen`, `unfrozen`, `claimed`. */
  what: string
  by: string
  details?: Record<string, unknown>
}

/** Who carries an incident out. `client`: as whom he calls, where the journal can tell; a name alone proves nothing. */
export interface Claim {
  runner: string
  until: string
  client?: string
}

/** An incident as its journal keeps it. */
export interface IncidentRecord {
  plan: Plan
  openedAt: string
  openedBy: string
  frozen: boolean
  frozenAt?: string
  unfrozenAt?: string
  unfrozenBy?: string
  /** Who carries it out at the moment; nobody when it is absent or `until` is over. */
  claim?: Claim
  steps: StepRecord[]
  /** Oldest first. */
  timeline: TimelineEntry[]
  /** The journal's clock when this was read. */
  now: string
}

/** The steps of an incident that was not begun. */
export function newSteps(): StepRecord[] {
  return stepNames.map((name) => ({ name, state: 'pending', attempts: 0, waitingFor: [] }))
}

/** The steps as they were written down, and those that the release which wrote them did not know yet. */
export function allSteps(written: readonly StepRecord[]): StepRecord[] {
  return newSteps().map((step) => written.find(({ name }) => name === step.name) ?? step)
}

/** A step of an incident, by its name. */
export function stepOf(record: Pick<IncidentRecord, 'steps'>, name: StepName): StepRecord {
  const found = record.steps.find((step) => step.name === name)
  if (!found) throw new TypeError(`an incident has no step ${name}`)
  return found
}
