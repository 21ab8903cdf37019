import { median, percentile } from '../estate/percentile.ts'
import { layOut } from '../estate/table.ts'
import type { Result } from './measure.ts'

type Rounds = readonly (readonly number[])[]

/** p50, p99 and max: of each the median of the rounds, and the worst of the rounds. Milliseconds. */
export function score(rounds: Rounds) {
  const each = (percent: number) => rounds.map((round) => percentile(round, percent))
  return {
    p50Ms: median(each(50)),
    p99Ms: median(each(99)),
    maxMs: median(each(100)),
    worstP99Ms: Math.max(...each(99)),
    worstMaxMs: Math.max(...each(100)),
  }
}

/** What every verifier waited, for each revocation of the active key and of a retiring one. */
export function refusals({ revocations }: Result): { readonly active: Rounds; readonly retiring: Rounds } {
  const waited = (all: Result['revocations']['active']) => all.map(({ refusedMs }) => refusedMs)
  return { active: waited(revocations.active), retiring: waited(revocations.retiring) }
}

const HEADING = ['connections', 'ms to', 'p50', 'p99', 'max', 'worst p99', 'worst max', '× bare p99', 'settled']

/** One line for the ceiling and one for each kind of revocation, at every size. */
export function table(results: readonly Result[]): string {
  return layOut([HEADING, ...results.flatMap(rowsOf)], 2)
}

function rowsOf(result: Result): string[][] {
  const { connections, bare, revocations } = result
  const { active, retiring } = refusals(result)
  const bareP99Ms = score(bare).p99Ms
  const row = (what: string, rounds: Rounds, settled: string) => {
    const { p50Ms, p99Ms, maxMs, worstP99Ms, worstMaxMs } = score(rounds)
    const figures = [p50Ms, p99Ms, maxMs, worstP99Ms, worstMaxMs].map((ms) => ms.toFixed(1))
    return [String(connections), what, ...figures, (p99Ms / bareP99Ms).toFixed(1), settled]
  }
  const settled = (all: Result['revocations']['active']) => median(all.map(({ settledMs }) => settledMs)).toFixed(0)
  return [
    row('hear a bare broadcast', bare, ''),
    row('refuse a retiring key', retiring, settled(revocations.retiring)),
    row('refuse the active key', active, settled(revocations.active)),
  ]
}
