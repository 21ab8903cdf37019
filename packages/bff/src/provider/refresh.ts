import type { JwtClaims } from '@rekey/verifier'
import { refreshTokenGrant, type TokenEndpointResponse, tokenRevocation } from 'openid-client'
import { BffError } from '../error.ts'
import { authenticated, ProviderFailure } from './authenticated.ts'
import { type Parts, resourceOf } from './parts.ts'
import type { Tokens } from './provider.ts'
import { tokensOf } from './tokens.ts'
import { registeredClientId, unavailable } from './unavailable.ts'

/**
 * Gets another access token. It is asked for once more where the reply was lost, although the refresh token may have been used up by then:
 * providers that replace it accept the one before for a moment, for just that.
 */
export async function refresh(parts: Parts, refreshToken: string): Promise<Tokens> {
  const askedAt = parts.clock()
  try {
    const response = await authenticated(parts, (by) => refreshTokenGrant(by, refreshToken, resourceOf(parts)))
    parts.metrics.tokenExchanges.inc({ grant_type: 'refresh_token', status: 'success' })
    return tokensOf(response, { askedAt, signed: await signedIfGood(parts, response) })
  } catch (error) {
    parts.metrics.tokenExchanges.inc({ grant_type: 'refresh_token', status: 'failed' })
    if (error instanceof ProviderFailure && error.failure === 'grant') {
      throw new BffError('REFRESH_REFUSED', 'the refresh token is good no more', { cause: error })
    }
    throw unavailable(parts, error)
  }
}

/**
 * The claims of the ID token that came along. Without a good one the access token is taken all the same: the refresh token was used, and
 * what is known of the user stays.
 */
async function signedIfGood(parts: Parts, { id_token }: TokenEndpointResponse): Promise<JwtClaims | undefined> {
  if (id_token === undefined) return undefined
  try {
    const metadata = await parts.metadata.current()
    const { claims } = await parts.signatures.verified(id_token, metadata, registeredClientId(parts), true)
    parts.metrics.tokenValidations.inc({ token_type: 'id_token', status: 'success' })
    return claims
  } catch (error) {
    parts.metrics.tokenValidations.inc({ token_type: 'id_token', status: 'failed' })
    parts.log.warn({ err: error }, 'the ID token that came with a refresh is not good, and is left out')
    return undefined
  }
}

/** RFC 7009. A provider that cannot revoke is not asked: the token ends by itself. */
export async function revoke(parts: Parts, refreshToken: string): Promise<void> {
  const metadata = await parts.metadata.current()
  if (metadata.revocation_endpoint === undefined) return
  try {
    await authenticated(parts, (by) => tokenRevocation(by, refreshToken, { token_type_hint: 'refresh_token' }))
  } catch (error) {
    // RFC 7009 §2.2: an invalid token is no error; some say invalid_grant.
    if (error instanceof ProviderFailure && error.failure === 'grant') return
    throw unavailable(parts, error)
  }
}
