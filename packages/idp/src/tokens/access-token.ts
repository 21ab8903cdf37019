import { randomUUID } from 'node:crypto'
import type { ClientCredential } from '../agents/credentials.ts'
import type { SigningKeys } from '../signing/keys.ts'
import { whenReady } from './when-ready.ts'

/**
 * Signs an access token for a client as a JWT (RFC 9068).
 *
 * @param issuedAt milliseconds since the epoch, read before the lease was checked: a key that is demoted while this runs
 *   must not have signed anything that outlives what others reckon with
 */
export function signAccessToken(
  keys: SigningKeys,
  keyring: string,
  token: {
    issuer: string
    audience: string
    client: ClientCredential
    scope: string
    issuedAt: number
    ttlMs: number
  },
): string | Promise<string> {
  const { kid, header } = keys.active(keyring)
  const iat = Math.floor(token.issuedAt / 1_000)
  const claims = {
    iss: token.issuer,
    sub: token.client.clientId,
    aud: token.audience,
    client_id: token.client.clientId,
    organization_id: token.client.organizationId,
    scope: token.scope === '' ? undefined : token.scope,
    jti: randomUUID(),
    iat,
    exp: iat + Math.floor(token.ttlMs / 1_000),
  }
  const input = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
  return whenReady(keys.sign(kid, Buffer.from(input)), (signature) => `${input}.${signature.toString('base64url')}`)
}
