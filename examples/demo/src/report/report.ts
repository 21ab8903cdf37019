import type { Phase } from '../load/tally.ts'
import type { GateWait } from '../phases/gates.ts'
import type { Survival } from '../thief/survival.ts'

/** The figures of one run, as `--json` writes them. */
export interface Report {
  anonymousPropagationMs: number
  targets: {
    name: string
    label: string
    phases: Record<Phase, { requests: number; failures: number; revoked: number; causes: Record<string, number> }>
    /** Of the APIs only. */
    revokedKey?: Survival
  }[]
  gates: { phase: Phase; waits: GateWait[] }[]
  revocation: { confirmedAfterMs: number; watchMs: number }
  /** Failed requests outside the naive rotation. */
  plannedFailures: number
}
