import { createPrivateKey, generateKeyPairSync, type JsonWebKey, type KeyObject, randomUUID, sign } from 'node:crypto'
import type { Request } from '../token/load.ts'

const LIFETIME_SECONDS = 240

/** A client that authenticates by a key of its own (RFC 7523). */
export interface KeyedClient {
  readonly clientId: string
  readonly kid: string
  readonly privateKey: KeyObject
}

/** A key pair for ES256. The private half as a JWK, so that it can be handed to another process. */
export function newKey(kid: string): { publicJwk: JsonWebKey; privateJwk: JsonWebKey } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const common = { kid, alg: 'ES256', use: 'sig' }
  return {
    publicJwk: { ...publicKey.export({ format: 'jwk' }), ...common },
    privateJwk: { ...privateKey.export({ format: 'jwk' }), ...common },
  }
}

export function keyedClient(clientId: string, privateJwk: JsonWebKey): KeyedClient {
  return {
    clientId,
    kid: String(privateJwk.kid),
    privateKey: createPrivateKey({ key: privateJwk, format: 'jwk' }),
  }
}

/** The form of a token request. Its assertion may be used once. */
export function tokenForm({ clientId, kid, privateKey }: KeyedClient, audience: string, more = {}): string {
  const iat = Math.floor(Date.now() / 1000)
  const claims = { iss: clientId, sub: clientId, aud: audience, jti: randomUUID(), iat, exp: iat + LIFETIME_SECONDS }
  const input = `${encode({ alg: 'ES256', kid })}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return new URLSearchParams({
    grant_type: 'client_credentials',
    ...more,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: `${input}.${signature.toString('base64url')}`,
  }).toString()
}

/** A request for a load that takes the next of these forms each time. They are signed before anything is measured. */
export function requestOf(forms: string[]): Request {
  const setupRequest = <T extends object>(request: T) => {
    const body = forms.pop()
    if (body === undefined) throw new Error('more was asked than assertions were signed for')
    return { ...request, body }
  }
  return {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: '',
    requests: [{ setupRequest }],
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
