import type { Sight } from '@rekey/service'
import { operatorOrganization } from '../agents/organization.ts'
import type { Caller } from '../tokens/opaque.ts'

/** Whose events a caller sees: those of his organization; who runs the estate sees those that are of none as well. */
export function sees({ organizationId }: Caller): Sight {
  return { organization: organizationId, withUnowned: organizationId === operatorOrganization }
}
