import { requireScope } from '../../http/authorise.ts'
import type { Instance } from '../../instance.ts'

export const tags = ['incidents']
export const all = '/api/v1/incidents'
export const one = `${all}/:incident`

/** Of everything about incidents: whoever carries one out must not be stopped by its freeze. */
export function requireIncidents(instance: Instance) {
  return requireScope(instance, 'incidents:write', { whileFrozen: 'allowed' })
}
