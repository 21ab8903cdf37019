import type { JsonWebKey, webcrypto } from 'node:crypto'

/** A client's own signing key. */
export interface ClientKey {
  readonly kid: string
  readonly privateKey: webcrypto.CryptoKey
  readonly publicJwk: JsonWebKey & { readonly kid: string }
}

export async function newClientKey(kid: string): Promise<ClientKey> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const { privateKey, publicKey } = (await crypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey)
  return { kid, privateKey, publicJwk: { kty, crv, x, y, kid, alg: 'ES256', use: 'sig' } }
}
