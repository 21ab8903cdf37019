import type { Contestant } from './contestants.ts'

const ROUNDS = 41
const SLICE_MS = 25
const WARM_UP_MS = 250
const BATCH = 8

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Runs for `forMs` and returns operations per second. Only what returns a promise is awaited. */
async function rate(contestant: Contestant, forMs: number): Promise<number> {
  const begin = performance.now()
  let count = 0
  let passedMs = 0
  while (passedMs < forMs) {
    for (let i = 0; i < BATCH; i++) {
      const result = contestant.run()
      if (result instanceof Promise) await result
    }
    count += BATCH
    passedMs = performance.now() - begin
  }
  return (count / passedMs) * 1000
}

/**
 * Machines are noisy, so that only ratios count, and only those taken within one short round: every contestant runs for a
 * moment in every round.
 *
 * @returns rates by contestant, one a round. The order is turned each round, so that nobody always
 *   follows the same one.
 */
export async function race(contestants: readonly Contestant[]): Promise<Map<string, number[]>> {
  const rates = new Map<string, number[]>(contestants.map(({ name }) => [name, []]))
  for (const contestant of contestants) await rate(contestant, WARM_UP_MS)
  for (let round = 0; round < ROUNDS; round++) {
    const turn = round % contestants.length
    for (const contestant of [...contestants.slice(turn), ...contestants.slice(0, turn)]) {
      rates.get(contestant.name)?.push(await rate(contestant, SLICE_MS))
    }
  }
  return rates
}
