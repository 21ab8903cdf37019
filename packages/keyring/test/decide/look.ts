import { type Decision, decide } from '../../src/decide/decide.ts'
import type { Evidence } from '../../src/decide/evidence.ts'
import type { Keyring } from '../../src/lifecycle/keyring.ts'
import { requestRotation } from '../../src/lifecycle/transition.ts'
import type { Policy } from '../../src/policy/signing.ts'
import { saved, settled, startMs } from '../samples.ts'

export function look(keyring: Keyring, evidence: Evidence, nowMs: number): Decision {
  return decide(keyring, evidence, nowMs)
}

/** A keyring whose `second` version was asked to take over from `first`, saved as revision 2. */
export function rotating(policy: Policy, forced = false): Keyring {
  const before = saved(undefined, settled('signing', startMs, policy))
  return saved(before, requestRotation(before, { by: 'ops', forced }, startMs))
}
