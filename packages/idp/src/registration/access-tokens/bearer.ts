import type { FastifyRequest } from 'fastify'
import { IdpError } from '../../error.ts'
import { bearerOf } from '../../http/authorise.ts'
import type { Instance } from '../../instance.ts'
import { codes } from '../../openapi/errors.ts'
import { demanding, refusing } from '../../openapi/security.ts'
import { promote } from './renew.ts'
import { findRegistrationToken, notGood, type RegistrationToken } from './store.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** By which a client reads or changes its registration; set on every route that demands one. */
    registrationToken: RegistrationToken & { token: string }
  }
}

/**
 * Lets a request pass that carries the registration access token of the client that its path names. A pending one takes over:
 * its client has it.
 *
 * @param route how it behaves while administration is frozen
 */
export function requireRegistrationToken(instance: Instance, { whileFrozen }: { whileFrozen: 'refused' | 'allowed' }) {
  const hook = demanding({ registration: [] }, async (request: FastifyRequest): Promise<void> => {
    instance.requireLease()
    const token = bearerOf(request)
    if (token !== undefined) instance.requireRoom()
    const found = token === undefined ? undefined : await findRegistrationToken(instance.connection.db, token)
    if (!token || !found) return refuse(instance, request, found, token === undefined ? 'missing' : 'unknown')
    const { clientId, organizationId } = found
    const { clientId: named } = request.params as { clientId: string }
    if (clientId !== named) return refuse(instance, request, found, 'of another client')
    if (found.state === 'superseded') return replayed(instance, request, found)
    if (found.isOver) return refuse(instance, request, found, 'expired')
    // It was this client's own: it may know that there is nothing left to come back to.
    if (found.status === 'decommissioned') throw new IdpError('UNKNOWN_CLIENT', 'the client was deleted: register anew')
    request.caller = { clientId, organizationId, scopes: new Set() }
    instance.limits.administration(clientId)
    if (found.status !== 'active') throw new IdpError('FORBIDDEN', 'the client is suspended: ask an administrator')
    if (whileFrozen === 'refused') instance.freeze.requireNone()
    if (found.state === 'pending') await promote(instance.connection.db, found)
    request.registrationToken = { ...found, state: 'active', token }
  })
  return whileFrozen === 'refused' ? refusing(codes('ADMINISTRATION_FROZEN'), hook) : hook
}

/**
 * A token whose successor was used: its client has the successor, so that this is somebody else, or a part of the client that
 * was forgotten.
 */
function replayed(instance: Instance, request: FastifyRequest, found: RegistrationToken): never {
  instance.metrics.registrationTokenReplays.inc()
  instance.gathered.note(
    {
      action: 'registration_token.replayed',
      outcome: 'refused',
      actor: found.clientId,
      agentId: found.clientId,
      organizationId: found.organizationId,
      cause: 'a superseded token was presented',
      address: request.ip,
    },
    { firstAtOnce: true },
  )
  return refused(instance, request)
}

function refuse(
  instance: Instance,
  request: FastifyRequest,
  found: RegistrationToken | undefined,
  cause: 'missing' | 'unknown' | 'expired' | 'of another client',
): never {
  instance.gathered.note({
    action: 'registration_token.refused',
    outcome: 'refused',
    actor: found?.clientId ?? 'anonymous',
    agentId: found?.clientId,
    organizationId: found?.organizationId,
    cause,
    address: request.ip,
  })
  return refused(instance, request, cause === 'missing')
}

function refused({ limits }: Instance, { ip }: FastifyRequest, isMissing = false): never {
  if (!isMissing) limits.failed(ip)
  throw notGood()
}
