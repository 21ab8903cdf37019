import { createHash, generateKeyPairSync } from 'node:crypto'
import { claims, segment, type Vector } from './vector.ts'

const P521_ORDER = BigInt(`0x01${'ff'.repeat(32)}fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`)
const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
const bytesOf = (number: bigint, size: number): Buffer =>
  Buffer.from(number.toString(16).padStart(size * 2, '0'), 'hex')

/** r + n of an ES512 signature (132 bytes), or s + L of an Ed25519 one (64 bytes, s little-endian). */
export function plusOrder(signature: Buffer): Buffer {
  const half = signature.length / 2
  const [first, second] = [signature.subarray(0, half), signature.subarray(half)]
  if (half === 66) return Buffer.concat([bytesOf(numberOf(first) + P521_ORDER, 66), second])
  const s = numberOf(Uint8Array.from(second).reverse()) + ED25519_ORDER
  return Buffer.concat([first, bytesOf(s, 32).reverse()])
}

/** s + n, where that is not longer than n. */
export function plusModulus(signature: Buffer, n: string): Buffer | undefined {
  const sum = numberOf(signature) + numberOf(Buffer.from(n, 'base64url'))
  return sum < 2n ** BigInt(signature.length * 8) ? bytesOf(sum, signature.length) : undefined
}

function cubeRoot(number: bigint): bigint {
  let low = 0n
  let high = 2n ** 700n
  while (low < high) {
    const middle = (low + high + 1n) / 2n
    if (middle ** 3n <= number) low = middle
    else high = middle - 1n
  }
  return low
}

/** With e = 3 a number can be found whose cube begins like a padded digest: no private key is needed. */
export function forgedByCubeRoot(): Vector {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 })
  const input = `${segment({ alg: 'RS256', kid: 'rs256-1' })}.${segment(claims())}`
  const start = '0001ffffffffffffffff003031300d060960864801650304020105000420'
  const prefix = Buffer.concat([Buffer.from(start, 'hex'), createHash('sha256').update(input).digest()])
  const root = cubeRoot(numberOf(prefix) << BigInt((256 - prefix.length) * 8)) + 1n
  if (
    !bytesOf(root ** 3n, 256)
      .subarray(0, prefix.length)
      .equals(prefix)
  )
    throw new Error('the forgery failed')
  return {
    name: 'rs256-forged-by-cube-root',
    why: 'Forged for a key with exponent 3: the cube begins like a padded digest and goes on with rubbish (CVE-2006-4339).',
    expected: 'signature_invalid',
    token: `${input}.${segment(bytesOf(root, 256))}`,
    keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'rs256-1', alg: 'RS256' }],
    options: { algorithms: ['RS256'] },
  }
}
