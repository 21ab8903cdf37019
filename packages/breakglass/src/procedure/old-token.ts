import { decodeUnverified } from '@rekey/verifier'
import { BreakGlassError } from '../error.ts'
import type { Plan } from '../incident/plan.ts'
import type { Probe, Unavailable } from '../providers/port.ts'
import { isUnavailable } from './results.ts'
import type { Run } from './run.ts'
import type { Surroundings } from './surroundings.ts'

/**
 * A token by the compromised key: the operator's, and where there is none or it has run out, one that the provider made.
 * One that has run out is refused by everybody, which would prove nothing.
 */
export async function oldToken(run: Run): Promise<Probe | Unavailable> {
  const given = givenProbe(run.plan, run.s)
  if (given && isGood(given, run)) return given
  const made = await run.ask((provider) => provider.probe(run.plan, 'compromised'))
  if (isUnavailable(made) || isGood(made, run)) return made
  return { unavailable: 'the token by the compromised key has run out, so that its refusal would prove nothing' }
}

/**
 * The operator's token, if there is one.
 *
 * @throws BreakGlassError `PLAN_INVALID` when it is no JWT, or by another key
 */
export function givenProbe({ kid }: Plan, { oldToken }: Surroundings): Probe | undefined {
  if (oldToken === undefined) return undefined
  const said = decodeUnverified(oldToken)
  if (!said) throw invalid('the old token is no JWT')
  if (said.header.kid !== kid) throw invalid('the old token is not by the compromised key: its kid is another one')
  const { exp, jti } = said.payload
  return {
    token: oldToken,
    kid,
    ...(typeof jti === 'string' && { jti }),
    ...(typeof exp === 'number' && { expiresAt: new Date(exp * 1_000).toISOString() }),
  }
}

function isGood({ expiresAt }: Probe, { record, plan }: Run): boolean {
  // What is tried for so long must still be good at the end.
  return expiresAt === undefined || Date.parse(expiresAt) > Date.parse(record.now) + plan.proveForMs
}

const invalid = (message: string) => new BreakGlassError('PLAN_INVALID', message, { path: 'oldToken' })
