import type { ClientPolicy } from '@rekey/keyring'
import type { Config } from '../config.ts'

/** No assertion of a client may be good for longer than this. */
export const longestAssertionMs = 300_000

/**
 * No overlap may be longer: the shortest interval of rotation by default. An old secret must not outlive the next rotation, nor be kept for
 * years by a typing error.
 */
export const longestOverlapMs = 90 * 86_400_000

/** How old secrets are let go of. It is kept in each keyring, so that all who decide about it go by the same. */
export function clientPolicyOf({ credentials, policy }: Pick<Config, 'credentials' | 'policy'>): ClientPolicy {
  return { quietMs: credentials.quietMs, assertionMs: longestAssertionMs + policy.skewMs }
}

/**
 * How old a credential may grow until it is due for rotation. Whoever does not say that his agent is something else has one
 * in production.
 */
export function rotateEveryMs(
  { rotateEveryMs: every }: Config['credentials'],
  agent: { agent_type: string | null; deployment_env: string | null },
): number {
  if (serviceAccount.test(agent.agent_type ?? '')) return every.serviceAccount
  return staging.test(agent.deployment_env ?? '') ? every.staging : every.production
}

/** Also understood by PostgreSQL, as `~*`. */
export const serviceAccount = /^service[ _-]?account$/i
export const staging = /^(staging|stage|development|dev|test|testing)$/i
