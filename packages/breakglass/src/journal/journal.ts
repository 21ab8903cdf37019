import type { Plan } from '../incident/plan.ts'
import type { IncidentRecord, StepName, StepState } from '../incident/record.ts'

/** What is written about a step. Members that are absent stay as they are; `result: null` and `error: null` take away. */
export interface StepChange {
  state?: StepState
  waitingFor?: string[]
  result?: unknown
  error?: { code: string; message: string } | null
}

/**
 * Where incidents are kept: at the identity provider, so that any operator can go on with one, or in a folder. All times
 * are its own clock's.
 */
export interface Journal {
  /**
   * Writes an incident down. Safe to repeat: the one that is there is returned as it stands.
   *
   * @throws BreakGlassError `INCIDENT_DIFFERS` when it was opened about another key, or with another plan
   */
  open(plan: Plan): Promise<IncidentRecord>
  /** @throws BreakGlassError `UNKNOWN_INCIDENT` */
  load(incident: string): Promise<IncidentRecord>
  list(): Promise<IncidentRecord[]>
  /**
   * Claims the incident for `seconds`, or prolongs one's own claim.
   *
   * @throws BreakGlassError `INCIDENT_CLAIMED`, with `facts` `{runner, until}`
   */
  claim(incident: string, runner: string, seconds: number): Promise<IncidentRecord>
  release(incident: string, runner: string): Promise<void>
  /** @throws BreakGlassError `INCIDENT_CLAIMED` when the claim is somebody else's by now */
  step(incident: string, runner: string, name: StepName, change: StepChange): Promise<IncidentRecord>
}
