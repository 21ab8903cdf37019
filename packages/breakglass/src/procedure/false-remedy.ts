import { BreakGlassError } from '../error.ts'
import type { SessionSelector } from '../incident/plan.ts'

/** What was asked for to be done about a compromised key. */
export interface AskedRemedy {
  kid?: string | undefined
  jtis?: readonly string[]
  issuedBefore?: string | undefined
  sessions: readonly SessionSelector[]
}

/**
 * An error that says why, when what was asked for does not contain a forger: it denies tokens by what they say of themselves, and
 * leaves the key.
 */
export function falseRemedy({ kid, jtis = [], issuedBefore, sessions }: AskedRemedy): BreakGlassError | undefined {
  if (kid !== undefined) return undefined
  if (jtis.length === 0 && issuedBefore === undefined && sessions.length === 0) return undefined
  const why = [
    ...(jtis.length > 0 ? ['a forger gives each token a new jti'] : []),
    ...(issuedBefore !== undefined || sessions.some((each) => 'issuedBefore' in each)
      ? ['a forger writes any iat, also one that is later than every cut-off']
      : []),
    ...(sessions.length > 0 ? ['a forger writes any subject, client and session'] : []),
  ]
  return new BreakGlassError(
    'FALSE_REMEDY',
    `this contains nobody who holds the signing key: ${why.join('; ')}. Name the key with --kid: it is replaced and revoked, and the sessions are ended besides`,
  )
}
