import { makeKey, type SigningKey } from '../../test/support/keys.ts'
import { forgedByCubeRoot, plusModulus, plusOrder } from './arithmetic.ts'
import {
  claims,
  good,
  goodParts,
  rsa,
  segment,
  signatureOf,
  signed,
  stranger,
  trusted,
  type Vector,
  withSignature,
} from './vector.ts'

const P256 = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
const raw = signatureOf(good)
const [r, s] = [raw.subarray(0, 32), raw.subarray(32)]
const zero = Buffer.alloc(32)
const one = Buffer.concat([Buffer.alloc(31), Buffer.of(1)])
const input = good.slice(0, good.lastIndexOf('.'))

/** A good signature whose r begins with a zero byte, as one in 256 does. */
function withLeadingZero(): string {
  for (let jti = 0; ; jti++) {
    const token = signed(claims({ jti: `j-${jti}` }))
    if (signatureOf(token)[0] === 0) return token
  }
}

const bent = (name: string, why: string, ...bytes: Uint8Array[]): Vector => ({
  name: `es256-${name}`,
  why,
  expected: 'signature_invalid',
  token: withSignature(good, Buffer.concat(bytes)),
})

const ECDSA: Vector[] = [
  bent(
    'all-zero',
    'r and s are zero, which careless arithmetic takes for a signature of everything (CVE-2022-21449).',
    Buffer.alloc(64),
  ),
  bent('r-zero', 'r is zero.', zero, s),
  bent('s-zero', 's is zero.', r, zero),
  bent('r-is-order', 'r is the order of the curve, zero in disguise.', P256, s),
  bent('s-is-order', 's is the order of the curve, zero in disguise.', r, P256),
  bent('r-and-s-are-order', 'r and s are the order of the curve.', P256, P256),
  bent('r-above-order', 'r is above the order of the curve.', Buffer.alloc(32, 0xff), s),
  bent('s-above-order', 's is above the order of the curve.', r, Buffer.alloc(32, 0xff)),
  bent('one-one', 'r and s are one.', one, one),
  bent('der', 'The signature is in DER, as X.509 has it.', trusted.sign(input, { der: true })),
  bent('swapped', 's comes before r.', s, r),
  bent('short', 'The last byte is missing.', raw.subarray(0, 63)),
  bent('long', 'There is a byte too many.', raw, Buffer.of(0)),
  bent('padded', 'r and s each have a leading zero byte.', Buffer.of(0), r, Buffer.of(0), s),
  bent('twice', 'The signature is there twice.', raw, raw),
  bent('half', 'Only r is there.', r),
  bent('one-byte', 'The signature is one byte.', Buffer.of(0)),
  bent('bit-flipped', 'One bit of s is not right.', raw.subarray(0, 63), Buffer.of((raw[63] as number) ^ 1)),
  bent('text', 'The signature is hexadecimal text.', Buffer.from(raw.toString('hex'))),
  {
    name: 'es256-stripped-zero',
    why: 'r without its leading zero byte: both numbers have 32 bytes always.',
    expected: 'signature_invalid',
    token: ((token) => withSignature(token, signatureOf(token).subarray(1)))(withLeadingZero()),
  },
]

interface Bend {
  readonly name: string
  readonly why: string
  bend(signature: Buffer, token: string): Uint8Array
}

function rows(key: SigningKey, bends: readonly Bend[]): Vector[] {
  const alg = key.jwk.alg as string
  const token = signed(claims(), { alg, kid: key.jwk.kid }, key)
  return bends.map(({ name, why, bend }) => ({
    name: `${alg.toLowerCase()}-${name}`,
    why,
    expected: 'signature_invalid',
    token: withSignature(token, bend(Buffer.from(signatureOf(token)), token)),
    keys: [key.jwk],
    options: { algorithms: [alg] },
  }))
}

function changed(bytes: Buffer, at: number, value: number): Buffer {
  bytes[at] = value
  return bytes
}

const allZero: Bend = { name: 'all-zero', why: 'The signature is all zero.', bend: (bytes) => bytes.fill(0) }
const empty: Bend = { name: 'empty', why: 'There is no signature.', bend: () => Buffer.alloc(0) }
const short: Bend = { name: 'short', why: 'The last byte is missing.', bend: (bytes) => bytes.subarray(0, -1) }
const long: Bend = {
  name: 'long',
  why: 'There is a byte too many.',
  bend: (bytes) => Buffer.concat([bytes, Buffer.of(0)]),
}
const leadingZero: Bend = {
  name: 'leading-zero',
  why: 'A zero byte before the signature: it is as long as the modulus.',
  bend: (bytes) => Buffer.concat([Buffer.of(0), bytes]),
}
const isOne: Bend = {
  name: 'one',
  why: 'The signature is the number one.',
  bend: (bytes) => changed(bytes.fill(0), bytes.length - 1, 1),
}
const highBits: Bend = {
  name: 'high-bits',
  why: 'The bits of r above the 521 of the curve are set.',
  bend: (bytes) => changed(bytes, 0, (bytes[0] as number) | 0xfe),
}
const rPlusOrder: Bend = {
  name: 'r-plus-order',
  why: 'r plus the order of the curve, which fits into the 66 bytes: the same number to careless arithmetic.',
  bend: plusOrder,
}
const bitFlipped: Bend = {
  name: 'bit-flipped',
  why: 'One bit is not right.',
  bend: (bytes) => changed(bytes, 40, (bytes[40] as number) ^ 1),
}
const sPlusOrder: Bend = {
  name: 's-plus-order',
  why: 's plus the order of the group: a second signature for whoever does not reduce it (RFC 8032 §5.1.7).',
  bend: plusOrder,
}
const shortSalt: Bend = {
  name: 'short-salt',
  why: 'The salt has 20 bytes instead of the 32 of the digest (RFC 7518 §3.5).',
  bend: (_, token) => pss.sign(token.slice(0, token.lastIndexOf('.')), { saltLength: 20 }),
}
const noSalt: Bend = {
  name: 'no-salt',
  why: 'There is no salt (RFC 7518 §3.5).',
  bend: (_, token) => pss.sign(token.slice(0, token.lastIndexOf('.')), { saltLength: 0 }),
}
const longSalt: Bend = {
  name: 'long-salt',
  why: 'The salt is as long as it can be (RFC 7518 §3.5).',
  bend: (_, token) => pss.sign(token.slice(0, token.lastIndexOf('.')), { saltLength: 222 }),
}

const pss = makeKey('PS256', 'ps256-1')

function rsaPlusModulus(): Vector {
  for (let jti = 0; ; jti++) {
    const token = signed(claims({ jti: `j-${jti}` }), { alg: 'RS256', kid: 'rs256-1' }, rsa)
    const sum = plusModulus(signatureOf(token), rsa.jwk.n as string)
    const why = 'The signature plus the modulus, which fits into 256 bytes here: RFC 8017 §5.2.2 has it refused.'
    const more = { keys: [rsa.jwk], options: { algorithms: ['RS256'] } }
    if (sum)
      return {
        name: 'rs256-plus-modulus',
        why,
        expected: 'signature_invalid',
        token: withSignature(token, sum),
        ...more,
      }
  }
}

const [head, body] = goodParts

export const SIGNATURE: Vector[] = [
  { name: 'empty', why: 'There is no signature.', expected: 'signature_invalid', token: `${head}.${body}.` },
  {
    name: 'by-stranger',
    why: 'Signed by a key that is not trusted, under the id of one that is.',
    expected: 'signature_invalid',
    token: signed(claims(), undefined, stranger),
  },
  {
    name: 'of-other-claims',
    why: 'The signature belongs to a token with other claims.',
    expected: 'signature_invalid',
    token: `${head}.${segment(claims({ sub: 'admin' }))}.${goodParts[2]}`,
  },
  {
    name: 'of-other-header',
    why: 'The signature belongs to a token with another header.',
    expected: 'signature_invalid',
    token: `${segment({ alg: 'ES256', kid: 'es256-1', typ: 'at+jwt' })}.${body}.${goodParts[2]}`,
  },
  {
    name: 'of-claims-alone',
    why: 'The claims were signed without the header.',
    expected: 'signature_invalid',
    token: `${head}.${body}.${segment(trusted.sign(body))}`,
  },
  ...ECDSA,
  ...rows(makeKey('ES384', 'es384-1'), [allZero]),
  ...rows(makeKey('ES512', 'es512-1'), [allZero, highBits, rPlusOrder, short]),
  ...rows(rsa, [allZero, isOne, empty, short, long, leadingZero, bitFlipped]),
  rsaPlusModulus(),
  forgedByCubeRoot(),
  ...rows(pss, [allZero, shortSalt, noSalt, longSalt]),
  ...rows(makeKey('EdDSA', 'ed25519-1'), [allZero, sPlusOrder, short, long]),
  ...rows(makeKey('HS256', 'hs256-1'), [allZero, empty, short, long]),
]
