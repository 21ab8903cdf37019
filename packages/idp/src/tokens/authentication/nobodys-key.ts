import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { Jwk } from '@rekey/verifier'
import { leastRsaBits, mostRsaBits } from '../../credentials/key.ts'

const curves: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }

const made = new Map<string, Jwk>()

/**
 * A key that is no client's and whose other half nobody has. An assertion is held against it where no key of its client
 * fits, like `nobodysHash`: the time of a refusal must not tell whether there is such a client.
 *
 * @param algorithm of the header of the assertion
 * @param signatureBytes how long its signature is: an RSA key is only tried on signatures of its own length
 * @returns `undefined` where no client's key would be tried either
 */
export function nobodysKey(algorithm: string, signatureBytes: number): Jwk | undefined {
  const sort = sortOf(algorithm, signatureBytes)
  if (sort === undefined) return undefined
  const jwk = made.get(sort) ?? make(sort, signatureBytes)
  made.set(sort, jwk)
  return jwk
}

function sortOf(algorithm: string, signatureBytes: number): string | undefined {
  if (Object.hasOwn(curves, algorithm)) return curves[algorithm]
  if (algorithm === 'EdDSA' || algorithm === 'Ed25519') return 'Ed25519'
  const isSize = signatureBytes >= leastRsaBits / 8 && signatureBytes <= mostRsaBits / 8
  return /^[RP]S(256|384|512)$/.test(algorithm) && isSize ? `RSA ${signatureBytes}` : undefined
}

function make(sort: string, bytes: number): Jwk {
  if (sort.startsWith('RSA')) return { kty: 'RSA', n: oddNumber(bytes).toString('base64url'), e: 'AQAB' }
  const { publicKey } =
    sort === 'Ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: sort })
  return publicKey.export({ format: 'jwk' }) as Jwk
}

/** Verifying by it takes as long as by a product of two primes, which would take a second to find. */
function oddNumber(bytes: number): Buffer {
  const number = randomBytes(bytes)
  number[0] = (number[0] as number) | 0x80
  number[bytes - 1] = (number[bytes - 1] as number) | 1
  return number
}
