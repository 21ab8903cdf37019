import { type Policy, parseDuration } from '@rekey/keyring'
import type { Config } from '../config.ts'
import type { OwnName } from './own.ts'

/** What the policies of the own keyrings follow from. */
export type KeyringTerms = Pick<Config, 'rotateEveryMs' | 'skewMs' | 'rollbackWindowMs'> & {
  sessions: Pick<Config['sessions'], 'lifetimeMs' | 'loginTtlMs'>
}

/** As long as a duration can be. */
const longestMs = parseDuration('99999d')

/**
 * How a keyring rotates.
 *
 * A lifetime that is made shorter leaves the longer one in the document (`adoptPolicy` only raises it), so no bound on the grace
 * may follow from it: an instance would refuse to start with the shorter one.
 *
 * @param isGiven its secrets come from whoever starts this instance: he says when another one takes over, not their age
 */
export function policyOf(name: OwnName, terms: KeyringTerms, isGiven: boolean): Policy {
  return {
    rotateEveryMs: isGiven ? longestMs : terms.rotateEveryMs,
    verifierPatienceMs: null,
    anonymousPropagationMs: 0,
    jwksMaxAgeMs: 0,
    maxTokenTtlMs: name === 'state' ? terms.sessions.loginTtlMs : terms.sessions.lifetimeMs,
    skewMs: terms.skewMs,
    maxGraceMs: longestMs,
    rollbackWindowMs: terms.rollbackWindowMs,
  }
}
