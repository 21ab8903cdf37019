import { randomUUID, sign } from 'node:crypto'
import type { Key } from '../keys/key.ts'
import type { Addresses } from './addresses.ts'
import type { Send } from './request.ts'

const LIFE_S = 60

/**
 * Whether the identity provider still accepts this client's key (RFC 7523), asked at its token endpoint; undefined when that cannot be told.
 * Any answer but invalid_client means that it was authenticated, whatever became of the request.
 */
export async function authenticates(
  send: Send,
  { token, issuer }: Addresses,
  client: { readonly clientId: string; readonly kid: string; readonly key: Key },
  now: number,
): Promise<boolean | undefined> {
  if (token === undefined) return undefined
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: client.clientId,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion(client, issuer ?? token, Math.floor(now / 1000)),
  }).toString()
  const reply = await send({
    method: 'POST',
    url: token,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body,
  })
  if (reply.status === 200) return true
  if (reply.status !== 400 && reply.status !== 401) return undefined
  return reply.body.error !== 'invalid_client'
}

function assertion(
  { clientId, kid, key }: { clientId: string; kid: string; key: Key },
  aud: string,
  iat: number,
): string {
  const header = { alg: key.jwk.alg, typ: 'JWT', kid }
  const claims = { iss: clientId, sub: clientId, aud, iat, exp: iat + LIFE_S, jti: randomUUID() }
  const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  const signature = sign(digestOf(String(key.jwk.alg)), Buffer.from(input), {
    key: key.privateKey,
    dsaEncoding: 'ieee-p1363',
  })
  return `${input}.${signature.toString('base64url')}`
}

const digestOf = (alg: string): string | null => (alg === 'EdDSA' ? null : `sha${alg.slice(2)}`)
