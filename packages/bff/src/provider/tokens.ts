import type { JwtClaims } from '@rekey/verifier'
import type { TokenEndpointResponse } from 'openid-client'
import type { Claims, Tokens } from './provider.ts'

/** RFC 6749 §5.1 only recommends that a life is told. */
const unsaidLifeSeconds = 300

/** @param signed the claims of the ID token, once its signature was found good */
export function tokensOf(
  response: TokenEndpointResponse,
  { askedAt, signed }: { askedAt: number; signed: JwtClaims | undefined },
): Tokens {
  const { access_token, refresh_token, id_token, scope, expires_in = unsaidLifeSeconds } = response
  return {
    accessToken: access_token,
    // From when it was asked for: it is never thought to live longer than it does.
    accessExpiresAt: askedAt + expires_in * 1000,
    ...(refresh_token === undefined ? {} : { refreshToken: refresh_token }),
    ...(scope === undefined ? {} : { scope }),
    ...(id_token === undefined || signed === undefined ? {} : { idToken: id_token, claims: claimsOf(signed) }),
  }
}

/** `iss` and `sub` were checked. */
const claimsOf = (signed: JwtClaims): Claims => signed as unknown as Claims
