import { coverageOf } from './coverage.ts'
import { estateOf, type PeriodEvidence, type PeriodFacts } from './document.ts'
import { findingsOf } from './findings.ts'

/** Everything that follows from the facts of a period, as it stands in the evidence beside them. */
export function drawn(facts: PeriodFacts): Omit<PeriodEvidence, keyof PeriodFacts> {
  const findings = findingsOf(facts.record.events)
  const estate = estateOf(facts)
  if (!estate) return findings
  const backend = estate.bff && findingsOf(estate.bff.record.events)
  return { ...findings, coverage: coverageOf({ ...facts, estate }), backend }
}
