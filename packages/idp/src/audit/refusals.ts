import type { Refusal } from '@rekey/service'
import type { FastifyRequest } from 'fastify'
import type { Gathered } from './gathered.ts'

/** Somebody was not let in, or not let do what he wanted. What clients authenticate by wrongly is noted where it is judged. */
const refused: ReadonlySet<string> = new Set([
  'UNAUTHENTICATED',
  'INSUFFICIENT_SCOPE',
  'FORBIDDEN',
  'RATE_LIMITED',
  'ADMINISTRATION_FROZEN',
  'invalid_scope',
])

/** Notes for the audit that a request was refused, when it was refused for who made it. */
export function noteRefusal(gathered: Gathered, request: FastifyRequest, { code, details }: Refusal): void {
  if (!refused.has(code)) return
  // Undefined until a token was recognised, whatever its type says.
  const caller = request.caller as FastifyRequest['caller'] | undefined
  const { scope, incident } = (details ?? {}) as { scope?: string; incident?: string }
  const { agentId } = (request.params ?? {}) as { agentId?: string }
  gathered.note({
    action: 'authorization.refused',
    outcome: 'refused',
    actor: caller?.clientId ?? 'anonymous',
    organizationId: caller?.organizationId,
    cause: code,
    address: request.ip,
    details: {
      method: request.method,
      // The pattern, not the path: whoever calls chooses that freely.
      route: request.routeOptions.url,
      scope,
      // Only a freeze names one.
      incident,
      // There is such an agent, or it would not be forbidden.
      agentId: code === 'FORBIDDEN' ? agentId : undefined,
    },
  })
}
