import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import type { Watching } from '../config/source.ts'
import type { Metrics } from '../operations/metrics.ts'

/** What whoever asks others needs of the instance around it. */
export interface Surroundings {
  readonly fetch: typeof globalThis.fetch
  readonly clock: Clock
  readonly random: () => number
  /** The `every` of @rekey/service. */
  readonly every: Watching['every']
  readonly log: Logger
  readonly metrics: Metrics
}
