/** Logouts: by the browser at the provider, and told by the provider. */

import { ServiceError } from '@rekey/service'
import type { JwtClaims } from '@rekey/verifier'
import { buildEndSessionUrl, None } from 'openid-client'
import { BffError } from '../error.ts'
import { configurationOf } from './authenticated.ts'
import type { Parts } from './parts.ts'
import type { LogoutOrder } from './provider.ts'
import { registeredClientId } from './unavailable.ts'

/** Nothing also while the provider was never reached: a logout here does not wait for it. */
export async function endSessionUrl(
  parts: Parts,
  { idToken, returnTo }: { idToken?: string; returnTo: string },
): Promise<URL | undefined> {
  const metadata = parts.metadata.known()
  const clientId = parts.credentials.clientId()
  if (metadata?.end_session_endpoint === undefined || clientId === undefined) return undefined
  return buildEndSessionUrl(configurationOf(parts, metadata, { clientId, authenticate: None() }), {
    post_logout_redirect_uri: returnTo,
    ...(idToken === undefined ? {} : { id_token_hint: idToken }),
  })
}

const event = 'http://schemas.openid.net/event/backchannel-logout'

/** OpenID Connect Back-Channel Logout 1.0 §2.6. That a token is not used twice (step 8) is seen to by whoever keeps sessions. */
export async function logoutOrder(parts: Parts, token: string): Promise<LogoutOrder> {
  const metadata = await parts.metadata.current()
  const clientId = registeredClientId(parts)
  try {
    const { typ, claims } = await parts.signatures.verified(token, metadata, clientId, false)
    const order = orderIn(typ, claims)
    parts.metrics.tokenValidations.inc({ token_type: 'logout_token', status: 'success' })
    return order
  } catch (error) {
    parts.metrics.tokenValidations.inc({ token_type: 'logout_token', status: 'failed' })
    if (error instanceof BffError) throw error
    parts.log.warn({ err: error }, 'a logout token is not good')
    throw new ServiceError('INVALID_REQUEST', 'the logout token is not good', { cause: error })
  }
}

/** @throws Error that says what is wrong with it */
function orderIn(typ: string | undefined, claims: JwtClaims): LogoutOrder {
  const { iss, jti, iat, sub, sid, events, nonce } = claims as Record<string, unknown>
  // §2.4 has it typed; providers from before that say JWT, or nothing.
  if (typ !== undefined && typ !== 'logout+jwt' && typ !== 'jwt') throw new Error(`a token of the type ${typ}`)
  // §2.4: an ID token must not pass for one.
  if (nonce !== undefined) throw new Error('a logout token has no nonce')
  if (typeof iat !== 'number') throw new Error('no iat')
  if (!isText(jti)) throw new Error('no jti')
  if (!isTextOrAbsent(sub) || !isTextOrAbsent(sid)) throw new Error('sub or sid is no text')
  if (sub === undefined && sid === undefined) throw new Error('neither sub nor sid')
  if (!isRecord(events) || !isRecord(events[event])) throw new Error('it does not tell of a logout')
  return {
    iss: String(iss),
    jti,
    ...(sub === undefined ? {} : { sub }),
    ...(sid === undefined ? {} : { sid }),
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isTextOrAbsent = (value: unknown): value is string | undefined => value === undefined || isText(value)
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
