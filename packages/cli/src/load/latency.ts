import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

// Microseconds: node's histogram counts whole numbers.
const perMs = 1000

/** Latencies and their percentiles, exact to three digits. All values are milliseconds. */
export class Latency {
  readonly #histogram: RecordableHistogram = createHistogram()

  record(latencyMs: number): void {
    this.#histogram.record(Math.max(1, Math.round(latencyMs * perMs)))
  }

  /** 0 while nothing is recorded. */
  percentileMs(percentile: number): number {
    if (this.#histogram.count === 0) return 0
    return Math.round((this.#histogram.percentile(percentile) / perMs) * 100) / 100
  }

  reset(): void {
    this.#histogram.reset()
  }
}
