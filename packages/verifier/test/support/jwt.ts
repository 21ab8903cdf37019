import { type VerifyJwtOptions, verifyJwt } from '../../src/index.ts'
import { AUDIENCE, compact, goodClaims, ISSUER, makeKey, NOW_MS } from './keys.ts'

export const key = makeKey('ES256')

/** What the good token of {@link open} is good for. */
export const base: VerifyJwtOptions = {
  jwks: { keys: [key.jwk] },
  issuer: ISSUER,
  audience: AUDIENCE,
  algorithms: ['ES256'],
  now: NOW_MS,
}

export const seconds = NOW_MS / 1000

/** Verifies a token with good claims and those given, by the options above and those given. */
export const open = (claims: Record<string, unknown>, options: Partial<VerifyJwtOptions> = {}, typ?: string) =>
  verifyJwt(compact(key, { ...goodClaims(), ...claims }, { typ }), { ...base, ...options })
