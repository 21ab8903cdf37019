import type { UnverifiedToken } from '@rekey/verifier'
import type { Verdict } from './verdict.ts'

/** Somebody whose tokens are accepted, and who can tell whether one is good. */
export interface Issuer {
  readonly name: string
  readonly issuer: string
  /** Null for any. */
  readonly audiences: readonly string[] | null
  /** Whether tokens of any form are good to ask about. */
  readonly takesOpaque: boolean
  /**
   * @param unverified what the token says of itself, where it is a JWT
   * @param source where it came from
   * @throws BffError `RATE_LIMITED`; ServiceError `OVERLOADED`, where somebody had to be asked
   */
  check(token: string, unverified: UnverifiedToken | undefined, source: string): Promise<Verdict>
  close(): Promise<void>
}

/** Whether a claim `aud` (RFC 7519 §4.1.3) names one of them. */
export function isMeantFor(aud: unknown, audiences: readonly string[] | null): boolean {
  if (audiences === null) return true
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  return named.some((one) => typeof one === 'string' && audiences.includes(one))
}
