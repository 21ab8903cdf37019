import { VerifyError, verifyJwt } from '@rekey/verifier'
import { signingKeyrings } from '../config.ts'
import type { Instance } from '../instance.ts'
import { findKept, isKept } from '../oidc/kept-token.ts'
import type { Oidc } from '../oidc/open.ts'
import { findOpaqueToken, isOpaque } from './opaque.ts'

/** What is known of an access token of ours, whichever form it has. Times are seconds since the epoch (RFC 7519). */
export interface AccessTokenClaims {
  iss: string
  sub: string
  client_id: string
  organization_id: string
  scope?: string | undefined
  iat: number
  exp: number
  aud?: string
  /** Of a JWT. */
  jti?: string
  /** Of a user's token: the session in which it was granted. */
  sid?: string | undefined
  /** Of one that is not to be presented to APIs. */
  token_type?: 'Bearer' | 'refresh_token'
}

const algorithms = signingKeyrings.map(({ algorithm }) => algorithm)

/**
 * Reads an access token that this server issued. A JWT is held against the keys in memory, at once; an opaque token is looked
 * up, one that the OpenID provider keeps too. That it may be denied, or its client suspended, is not looked at.
 *
 * @param now milliseconds since the epoch
 * @param toleranceMs for how long after its end a JWT is still read
 * @returns `undefined` for whatever is not ours, not good or not good any more
 */
export function claimsOf(
  instance: Instance,
  oidc: Oidc,
  token: string,
  now: number,
  toleranceMs = 0,
): AccessTokenClaims | undefined | Promise<AccessTokenClaims | undefined> {
  if (isOpaque(token)) return opaqueClaims(instance, token)
  if (isKept(token)) return findKept(instance, oidc, token).then((found) => found?.claims)
  return jwtClaims(instance, token, now, toleranceMs)
}

/**
 * What verified by a set of keys. APIs ask about the same token at each of its uses, and a signature is most of what an answer costs.
 * Whatever changes among the keys is another set: then nothing is remembered.
 */
const verified = new WeakMap<readonly unknown[], Map<string, AccessTokenClaims>>()
const mostRemembered = 10_000

function jwtClaims({ config, keys }: Instance, token: string, now: number, toleranceMs: number) {
  const { publicKeys } = keys()
  const known = verified.get(publicKeys) ?? new Map<string, AccessTokenClaims>()
  verified.set(publicKeys, known)
  const found = known.get(token)
  if (found && now < found.exp * 1_000 + toleranceMs) return found
  const claims = verifiedClaims(config, publicKeys, token, now, toleranceMs)
  if (known.size >= mostRemembered) known.clear()
  if (claims) known.set(token, claims)
  return claims
}

function verifiedClaims(
  config: Pick<Instance['config'], 'issuer' | 'audience'>,
  publicKeys: ReturnType<Instance['keys']>['publicKeys'],
  token: string,
  now: number,
  clockToleranceMs: number,
) {
  try {
    const { payload } = verifyJwt(token, {
      jwks: { keys: publicKeys },
      algorithms,
      issuer: config.issuer,
      audience: config.audience,
      // RFC 9068 §4: nothing else that these keys may sign one day is taken for an access token.
      requiredTyp: 'at+jwt',
      requiredClaims: ['sub', 'client_id', 'organization_id', 'iat', 'jti'],
      clockToleranceMs,
      now,
    })
    return payload as unknown as AccessTokenClaims
  } catch (error) {
    if (error instanceof VerifyError) return undefined
    throw error
  }
}

async function opaqueClaims(instance: Instance, token: string): Promise<AccessTokenClaims | undefined> {
  instance.requireRoom()
  const found = await findOpaqueToken(instance.connection.db, token)
  return (
    found && {
      iss: instance.config.issuer,
      sub: found.clientId,
      client_id: found.clientId,
      organization_id: found.organizationId,
      scope: found.scope,
      iat: Math.floor(found.issuedAt / 1_000),
      exp: Math.floor(found.expiresAt / 1_000),
    }
  )
}
