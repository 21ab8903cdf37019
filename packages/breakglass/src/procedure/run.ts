import { isStillGood } from '../evidence/containment.ts'
import type { Plan } from '../incident/plan.ts'
import { type IncidentRecord, type StepName, stepOf } from '../incident/record.ts'
import type { StepChange } from '../journal/journal.ts'
import type { IdentityProvider } from '../providers/port.ts'
import { isBreakGlass, noteOf, stopsTheRun } from './errors.ts'
import { patiently, unlessAborted } from './patience.ts'
import { isUnavailable, resultOf, type StepResults } from './results.ts'
import type { Surroundings } from './surroundings.ts'
import { Waiting } from './waiting.ts'

/** Without these nothing that follows would be of use. Any other step that fails is written down, and the run goes on. */
const essential: ReadonlySet<StepName> = new Set(['guard', 'promote', 'revoke', 'evidence'])

/** What these saw is old as soon as something was done after them. Evidence is sealed anew by every run. */
const looks: ReadonlySet<StepName> = new Set(['verifiers', 'refresh', 'prove', 'changes'])

/**
 * One carrying-out of an incident: it runs steps and writes them down. A step is written down before it begins and when it has
 * ended, so that a run that is killed anywhere is gone on with by the next one: that begins with the first step that is not
 * done, which may have been done in part. Therefore every step can be repeated.
 */
export class Run {
  readonly s: Surroundings
  /** Aborted when the run is interrupted or its claim is lost, with a BreakGlassError as the reason. */
  readonly signal: AbortSignal
  #record: IncidentRecord
  #current: { name: StepName; waiting: Waiting; names: readonly string[] } | undefined
  #hasActed: boolean
  /** What is done, by the journal, and not so. */
  readonly #again = new Set<StepName>()

  /** @param anew whether what was seen before counts no longer */
  constructor(record: IncidentRecord, s: Surroundings, signal: AbortSignal, anew = false) {
    this.s = s
    this.signal = signal
    this.#record = record
    this.#hasActed = anew
    s.onChange(record)
  }

  get record(): IncidentRecord {
    return this.#record
  }

  get plan(): Plan {
    return this.#record.plan
  }

  result<Name extends StepName>(name: Name): StepResults[Name] | undefined {
    return resultOf(this.#record, name)
  }

  /**
   * What the journal says is done is not believed where the provider shows otherwise: a backup may have been restored, or
   * somebody may have written there what he liked.
   */
  async distrustWhatIsDone(): Promise<void> {
    if (stepOf(this.#record, 'revoke').state !== 'done') return
    const { key } = await this.ask((provider) => provider.inspect(this.plan))
    if (key && isStillGood(key)) this.#again.add('promote').add('revoke')
    const { frozen, unfrozenAt } = this.#record
    const cannotFreeze = isUnavailable(this.result('freeze') ?? {})
    if (!frozen && unfrozenAt === undefined && !cannotFreeze) this.#again.add('freeze')
    const sessions = this.result('sessions')
    const isWhole =
      sessions && (isUnavailable(sessions) || sessions.incomplete !== undefined || sessions.entries.length > 0)
    if (this.plan.sessions.length > 0 && !isWhole) this.#again.add('sessions')
  }

  /** Runs a step, unless it is done and nothing happened since that it would see. */
  async step<Name extends StepName>(name: Name, act: () => Promise<StepResults[Name]>): Promise<void> {
    if (this.#isDone(name)) return
    await this.#write(name, { state: 'running', waitingFor: [], error: null })
    this.#hasActed = true
    const waiting = new Waiting((names) => this.#writeWaiting(name, names), this.s.pause)
    this.#current = { name, waiting, names: [] }
    try {
      const result = await act()
      await waiting.end()
      await this.#write(name, { state: 'done', waitingFor: [], result, error: null })
    } catch (error) {
      waiting.abandon()
      if (stopsTheRun(error)) throw error
      await waiting.end()
      await this.#write(name, { state: 'failed', waitingFor: [], error: noteOf(error) })
      if (essential.has(name)) throw error
    } finally {
      this.#current = undefined
    }
  }

  /** Asks the identity provider, and waits for it where it is away. */
  ask<T>(question: (provider: IdentityProvider) => Promise<T>): Promise<T> {
    const { s, signal } = this
    return patiently(
      () => question(s.provider),
      this.plan.incident,
      s,
      signal,
      (away) => this.#showAway(away),
    )
  }

  /** Does what is no question to the identity provider. */
  work<T>(act: () => Promise<T>): Promise<T> {
    return unlessAborted(act, this.signal)
  }

  pause(ms: number): Promise<void> {
    return unlessAborted(() => this.s.pause(ms, this.signal), this.signal)
  }

  /** Shows on whom the step waits, and writes it down before long. */
  waitFor = (names: readonly string[]): void => {
    if (this.#current) this.#current.names = names
    this.#show(names)
  }

  #isDone(name: StepName): boolean {
    if (this.#again.has(name) || this.result(name) === undefined) return false
    return name !== 'evidence' && !(this.#hasActed && looks.has(name))
  }

  #showAway(away: string | undefined): void {
    this.#show([...(away === undefined ? [] : [away]), ...(this.#current?.names ?? [])])
  }

  #show(names: readonly string[]): void {
    if (!this.#current) return
    const { name, waiting } = this.#current
    const waitingFor = waiting.show(names)
    const steps = this.#record.steps.map((step) => (step.name === name ? { ...step, waitingFor } : step))
    this.#saw({ ...this.#record, steps })
  }

  async #write(name: StepName, change: StepChange): Promise<void> {
    const { plan, s } = this
    this.#saw(await this.ask(({ journal }) => journal.step(plan.incident, s.runner, name, change)))
  }

  /** Not waited for by anybody: where it cannot be written, the next write of the step itself says so. */
  async #writeWaiting(name: StepName, waitingFor: string[]): Promise<void> {
    const { plan, s } = this
    try {
      await s.provider.journal.step(plan.incident, s.runner, name, { waitingFor })
    } catch (error) {
      if (!isBreakGlass(error, 'PROVIDER_UNREACHABLE', 'PROVIDER_REFUSED', 'INCIDENT_CLAIMED')) throw error
    }
  }

  #saw(record: IncidentRecord): void {
    this.#record = record
    this.s.onChange(record)
  }
}
