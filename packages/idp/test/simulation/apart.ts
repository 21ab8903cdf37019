import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const seeds = fileURLToPath(new URL('./seeds.ts', import.meta.url))
const mostOutput = 64 * 1_024 * 1_024

/** What came of a range of seeds. */
export interface Found {
  violations: readonly { seed: number; violation: string }[]
  /** In how many seeds each thing happened. */
  counts: ReadonlyMap<string, number>
}

/** Runs seeds in processes of their own, which share them out among themselves. */
export async function runApart(range: { first: number; count: number; workers: number }): Promise<Found> {
  const share = Math.ceil(range.count / range.workers)
  const parts = Array.from({ length: range.workers }, (_, worker) => {
    const first = range.first + worker * share
    return runRange(first, Math.min(share, range.first + range.count - first))
  })
  const all = await Promise.all(parts)
  const counts = new Map<string, number>()
  for (const [label, times] of all.flatMap((found) => [...found.counts])) {
    counts.set(label, (counts.get(label) ?? 0) + times)
  }
  return { violations: all.flatMap(({ violations }) => violations), counts }
}

/** Runs seeds with a fault put into the source, up to the first that finds it. */
export function runPlanted(plant: number, most: number): Promise<Found> {
  return runRange(1, most, plant)
}

async function runRange(first: number, count: number, ...plant: number[]): Promise<Found> {
  const numbers = [first, count, ...plant].map(String)
  // A fault that was put in makes code fail in ways that nobody looks at; what counts is what the observer saw.
  const { stdout } = await promisify(execFile)(process.execPath, [seeds, ...numbers], { maxBuffer: mostOutput })
  const { violations, counts } = JSON.parse(stdout)
  return { violations, counts: new Map(counts) }
}
