import { randomUUID } from 'node:crypto'
import type { Client } from '../credentials/client.ts'
import type { SigningKeys } from '../signing/keys.ts'
import type { Grant } from './scopes.ts'
import { whenReady } from './when-ready.ts'

/** What every token of an issuer has in common. */
export interface TokenKind {
  issuer: string
  audience: string
  ttlMs: number
}

/**
 * Makes the signer of access tokens in the form of a JWT (RFC 9068).
 *
 * What is the same in every token of a grant is turned into JSON once: on the path of a token that is a twentieth of the
 * time. The rest are a UUID and two numbers, which JSON has nothing to escape in.
 */
export function accessTokenSigner({ issuer, audience, ttlMs }: TokenKind) {
  const lifetimeSeconds = Math.floor(ttlMs / 1_000)
  const beginnings = new WeakMap<Grant, { client: Client; json: string }>()

  function beginningOf(client: Client, grant: Grant): string {
    const known = beginnings.get(grant)
    if (known?.client === client) return known.json
    const claims = {
      iss: issuer,
      sub: client.clientId,
      aud: audience,
      client_id: client.clientId,
      organization_id: client.organizationId,
      scope: grant.scope || undefined,
    }
    const json = JSON.stringify(claims).slice(0, -1)
    beginnings.set(grant, { client, json })
    return json
  }

  /**
   * @param issuedAt milliseconds since the epoch, read before the lease was checked: a key that is demoted while this runs
   *   must not have signed anything that outlives what others reckon with
   */
  return (
    keys: SigningKeys,
    keyring: string,
    client: Client,
    grant: Grant,
    issuedAt: number,
  ): string | Promise<string> => {
    const { kid, header } = keys.active(keyring)
    const iat = Math.floor(issuedAt / 1_000)
    const claims = `${beginningOf(client, grant)},"jti":"${randomUUID()}","iat":${iat},"exp":${iat + lifetimeSeconds}}`
    const input = `${header}.${Buffer.from(claims).toString('base64url')}`
    return whenReady(keys.sign(kid, Buffer.from(input)), (signature) => `${input}.${signature.toString('base64url')}`)
  }
}
