import { verdictLine } from '../estate/verdict.ts'
import type { Result } from './measure.ts'
import { refusals, score } from './report.ts'

/** From the commit to the refusal, at the largest size. */
const P99_MS = 100
/** What a verifier whose issuer is gone has: it refuses nothing that is good before this is over. */
const LEASE_MS = 15_000

interface Verdict {
  readonly ok: boolean
  readonly line: string
}

/** Whether each goal is met, in a line. */
export function verdicts(results: readonly Result[]): Verdict[] {
  return results.flatMap((result) => {
    const { connections, troubles, recovery } = result
    const { active, retiring } = refusals(result)
    const { renewedMs, feedsMs, readyMs } = recovery
    const lost = recovery.troubles.leasesLost
    return [
      verdict(score(retiring).p99Ms < P99_MS, `${connections}: retiring key refused, p99 below ${P99_MS} ms`),
      verdict(score(active).p99Ms < P99_MS, `${connections}: active key refused, p99 below ${P99_MS} ms`),
      verdict(troubles === 'none', `${connections}: no lease lost, no renewal refused (${troubles})`),
      verdict(
        lost === 0 && Math.max(renewedMs, feedsMs) < LEASE_MS,
        `${connections}: back within a lease after the IdP was killed, none lost (ready after ${seconds(readyMs)}, all ` +
          `leases renewed after ${seconds(renewedMs)}, all feeds open after ${seconds(feedsMs)}, ${lost} leases lost)`,
      ),
    ]
  })
}

function verdict(ok: boolean, what: string): Verdict {
  return { ok, line: verdictLine(ok, what) }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
