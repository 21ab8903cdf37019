import { tokenIntrospection } from 'openid-client'
import { BffError } from '../error.ts'
import { authenticated } from './authenticated.ts'
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
    throw unavailable(parts, error)
  }
}
