import { Gauge, type Registry } from 'prom-client'
import { monotonicClock } from '../clock.ts'

/** What is counted in the database when somebody scrapes. */
export interface Counted<Label extends string> {
  registry: Registry
  name: string
  help: string
  labelNames: readonly Label[]
  /** All series that there are; those that are missing are told no more. */
  count(): Promise<{ labels: Record<Label, string>; value: number }[]>
  /** Is told why something could not be counted: the scrape is answered all the same, by what was counted last. */
  onError(error: unknown): void
  /** Milliseconds that go on without a step; by default those of this process. */
  elapsed?: () => number
}

const atMostEveryMs = 5_000
/** Counting takes no more than this share of the database's time, however many scrape. */
const mostShare = 0.05

/**
 * A gauge that is counted in the database. However often and by how many it is scraped, it is counted once in 5 s, and less often
 * where that takes long. Before it was counted for the first time it says nothing, which is not that there is nothing.
 */
export function countedGauge<Label extends string>(counted: Counted<Label>): Gauge<Label> {
  const { registry, name, help, labelNames, count, onError, elapsed = monotonicClock } = counted
  let underWay: Promise<void> | undefined
  let nextAt = Number.NEGATIVE_INFINITY

  async function countAnew(gauge: Gauge<Label>): Promise<void> {
    const began = elapsed()
    try {
      const found = await count()
      gauge.reset()
      for (const { labels, value } of found) gauge.set(labels, value)
    } catch (error) {
      onError(error)
    }
    const now = elapsed()
    nextAt = now + Math.max(atMostEveryMs, (now - began) / mostShare)
  }

  return new Gauge({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    async collect() {
      if (elapsed() < nextAt) return
      underWay ??= countAnew(this).finally(() => {
        underWay = undefined
      })
      await underWay
    },
  })
}
