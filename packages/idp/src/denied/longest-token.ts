import type { Instance } from '../instance.ts'

/**
 * For how long a token issued now can be good anywhere, different clocks included, in milliseconds. The policies say it: they
 * are raised before a longer-lived token is signed, and never lowered.
 */
export function longestTokenMs(instance: Pick<Instance, 'keys'>): number {
  const policies = [...instance.keys().keyrings.values()].map(({ policy }) => policy.maxTokenTtlMs + policy.skewMs)
  return Math.max(...policies)
}
