import type { Round } from './load.ts'

/** The medians of one contestant's rounds. */
export interface Score extends Round {
  readonly name: string
}

/** A figure that is not to be missed: `faster` must reach `atLeast` times the throughput of `than`. */
export interface Bar {
  readonly faster: string
  readonly than: string
  readonly atLeast: number
}

export function score(name: string, rounds: readonly Round[]): Score {
  return {
    name,
    requestsPerSecond: median(rounds.map((round) => round.requestsPerSecond)),
    p99Ms: median(rounds.map((round) => round.p99Ms)),
  }
}

/** How two contestants compare over all rounds. */
export interface Ratio {
  readonly median: number
  readonly lowest: number
  readonly highest: number
}

/**
 * The median of the ratios of each round, not the ratio of the medians: the two measurements of a round are seconds apart,
 * so that a slow minute of the machine hits both. A wide span between lowest and highest says that the machine was busy.
 */
export function compare(faster: readonly Round[], than: readonly Round[]): Ratio {
  const ratios = faster.map((round, i) => round.requestsPerSecond / (than[i]?.requestsPerSecond ?? Number.NaN))
  return { median: median(ratios), lowest: Math.min(...ratios), highest: Math.max(...ratios) }
}

export function table(scores: readonly Score[], ceiling: Score): string {
  const rows = scores.map(({ name, requestsPerSecond, p99Ms }) => [
    name,
    Math.round(requestsPerSecond).toLocaleString('en'),
    p99Ms.toFixed(0),
    (requestsPerSecond / ceiling.requestsPerSecond).toFixed(2),
  ])
  const all = [['token endpoint', 'req/s', 'p99 ms', '× ceiling'], ...rows]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
    )
    .join('\n')
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  if (sorted.length % 2 === 1) return sorted[middle] ?? Number.NaN
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}
