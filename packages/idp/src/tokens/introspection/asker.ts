import type { FastifyRequest } from 'fastify'
import { matchesHash, nobodysHash } from '../../credentials/secret.ts'
import { IdpError } from '../../error.ts'
import { requireScope } from '../../http/authorise.ts'
import type { Instance } from '../../instance.ts'
import {
  type Attempt,
  type Authenticated,
  attemptOf,
  authenticateAnew,
  authenticateInMemory,
  setCaller,
} from '../authentication/authenticate.ts'
import { isByBearer, type Presented } from '../authentication/presented.ts'
import type { Form } from '../form.ts'
import { whenReady } from '../when-ready.ts'

/** Who asks about tokens, and whose he may know of: one of an organization about its own, a registered verifier about all. */
export type Asker = { knows: 'everybody' } | { knows: 'organization'; organizationId: string }

const scope = 'tokens:read'
const verifier: Asker = { knows: 'everybody' }

/**
 * Finds out who asks: a client or an opaque token that may have `tokens:read`, or a verifier. At once where client or verifier
 * are in memory and presented a good secret.
 *
 * @throws OAuthError `invalid_client`, `invalid_request`; IdpError `INSUFFICIENT_SCOPE`, `UNAUTHENTICATED`, `RATE_LIMITED`
 */
export function askerOf(instance: Instance) {
  const byBearer = requireScope(instance, scope)

  function byCredential(request: FastifyRequest, attempt: Attempt): Asker | Promise<Asker> {
    if (isVerifier(attempt.presented, instance.verifierCredentials.known(attempt.presented.clientId))) return verifier
    const found = authenticateInMemory(instance, attempt)
    return found ? whenReady(found, (client) => asClient(request, client)) : anew(request, attempt)
  }

  async function anew(request: FastifyRequest, attempt: Attempt): Promise<Asker> {
    if (isVerifier(attempt.presented, await instance.verifierCredentials.fresh(attempt.presented.clientId))) {
      return verifier
    }
    return asClient(request, await authenticateAnew(instance, attempt))
  }

  return (request: FastifyRequest, form: Form, now: number): Asker | Promise<Asker> => {
    if (!isByBearer(request.headers.authorization, form)) {
      return byCredential(request, attemptOf(instance, request, form, now))
    }
    return byBearer(request).then(() => memberOf(request.caller))
  }
}

function isVerifier(presented: Presented, found: { secretHash: Buffer } | undefined): boolean {
  if (!('secret' in presented)) return false
  return matchesHash(presented.secret, found?.secretHash ?? nobodysHash)
}

function asClient(request: FastifyRequest, { client }: Authenticated): Asker {
  if (client.scopes.includes(scope)) return memberOf(client)
  // The audit has to name whom this refuses.
  setCaller(request, client)
  throw new IdpError('INSUFFICIENT_SCOPE', `this needs the scope ${scope}`, { facts: { scope } })
}

function memberOf({ organizationId }: { organizationId: string }): Asker {
  return { knows: 'organization', organizationId }
}
