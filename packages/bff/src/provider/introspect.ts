import { tokenIntrospection } from 'openid-client'
import { BffError } from '../error.ts'
import { authenticated, ProviderFailure } from './authenticated.ts'
import { isForbidden } from './failure.ts'
import type { Parts } from './parts.ts'
import type { Introspected } from './provider.ts'
import { unavailable } from './unavailable.ts'

/** RFC 7662 */
export async function introspect(parts: Parts, token: string): Promise<Introspected> {
  const metadata = await parts.metadata.current()
  if (metadata.introspection_endpoint === undefined)
    throw new BffError('IDP_UNAVAILABLE', 'the identity provider offers no introspection')
  try {
    const said = await authenticated(parts, (by) => tokenIntrospection(by, token))
    if (said.active !== true) return { active: false }
    return {
      active: true,
      ...(said.client_id === undefined ? {} : { clientId: said.client_id }),
      ...(said.sub === undefined ? {} : { sub: said.sub }),
      scopes: new Set((said.scope ?? '').split(' ').filter((scope) => scope !== '')),
    }
  } catch (error) {
    throw error instanceof ProviderFailure && isForbidden(error.cause)
      ? forbidden(parts, error)
      : unavailable(parts, error)
  }
}

function forbidden({ log }: Parts, error: ProviderFailure): BffError {
  log.error(
    { err: error.cause },
    'the identity provider does not let this client ask about tokens: give the client the scope tokens:read there, or use ' +
      'REKEY_BFF_ADMIN_TOKEN',
  )
  return new BffError(
    'IDP_UNAVAILABLE',
    'the client of this BFF is not allowed to ask the identity provider about tokens',
    {
      cause: error,
    },
  )
}
