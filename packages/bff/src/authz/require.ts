import type { FastifyRequest } from 'fastify'
import type { Route } from '../config/files/route.ts'
import { targetsOf } from '../config/files/targets.ts'
import { BffError } from '../error.ts'
import type { Metrics } from '../operations/metrics.ts'
import type { Mapping } from './mappings.ts'
import type { Authz } from './open.ts'
import { bearerAsker, pathOf, questionOf, sessionAsker } from './question.ts'

/**
 * A hook for routes of `authz: pdp`, after the one that says who is calling, and after the body was read into a Buffer
 * where the question hangs on it (`asksForBody`). Nothing passes without a decision.
 *
 * @throws BffError `CONFIG_INVALID` at once, without a decision point; `FORBIDDEN`, `PDP_UNAVAILABLE`; `INVALID_REQUEST` when the request does not say which resource it means
 */
export function requireDecision(
  { authz, metrics }: { authz: Authz | undefined; metrics: Pick<Metrics, 'authzRequests'> },
  route: Pick<Route, 'auth' | 'authzMap'>,
) {
  if (!authz) throw new BffError('CONFIG_INVALID', 'a route of authz: pdp needs pdp.yaml')
  return async (request: FastifyRequest): Promise<void> => {
    const mapping = mappingOf(request, authz, route)
    if (!mapping) {
      metrics.authzRequests.inc({ resource: 'unmapped', action: request.method, decision: 'deny' })
      request.log.warn(
        { method: request.method },
        'neither authz_map nor endpoint_map says what to ask about this path',
      )
      throw forbidden()
    }
    const asker = route.auth === 'bearer' ? bearerAsker(request.bearer) : sessionAsker(request.session)
    const questions = mapping.targets.map((target) => questionOf(request, asker, target, mapping.params))
    const decision = await authz.decide(asker, questions)
    if (decision === 'unavailable') {
      throw new BffError('PDP_UNAVAILABLE', 'nobody can decide at the moment whether this is allowed; try again')
    }
    if (decision !== 'allow') throw forbidden()
  }
}

function mappingOf(request: FastifyRequest, authz: Authz, { authzMap }: Pick<Route, 'authzMap'>): Mapping | undefined {
  if (!authzMap) return authz.mappings.find(request.method, pathOf(request))
  const targets = targetsOf(authzMap, request.method)
  return targets && { targets, params: request.params as Mapping['params'] }
}

function forbidden(): BffError {
  return new BffError('FORBIDDEN', 'the policy does not allow this')
}
