import type { Plan } from '../incident/plan.ts'
import { type Baseline, placeOf } from '../instances/verdict.ts'
import { givenProbe } from './old-token.ts'
import { look } from './steps/guard.ts'
import type { Rehearsal, Surroundings } from './surroundings.ts'

/**
 * What would be done, and what could not be proved. Changes nothing, and makes no token.
 *
 * @throws BreakGlassError `UNKNOWN_KID`, `PLAN_INVALID`, `PROVIDER_UNREACHABLE`, `PROVIDER_REFUSED`
 */
export async function rehearse(plan: Plan, s: Surroundings): Promise<Rehearsal> {
  const inspection = await look(plan, s)
  const old = givenProbe(plan, s)
  const addresses = await s.instances.instancesOf(plan.apis)
  const instances = await s.instances.baselineOf(addresses, old, s.signal)
  const cannotSign = inspection.key?.canSign === false && old === undefined
  return {
    inspection,
    instances,
    warnings: [
      ...inspection.obstacles.map(({ message }) => message),
      ...inspection.warnings,
      ...(cannotSign ? ['no token by the key can be made any more: that instances refuse it could not be proved'] : []),
      ...(plan.apis.length === 0 ? ['no instance of an API is named: none would be tried'] : []),
      ...instances.flatMap(unprovable),
    ],
  }
}

function unprovable(baseline: Baseline): string[] {
  const { refusal, problem } = baseline
  if (problem === undefined && refusal !== null) return []
  return [`${placeOf(baseline)} could not be proved: ${problem ?? 'it refuses no token whose signature is broken'}`]
}
