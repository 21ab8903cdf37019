import { makeKey } from '../../test/support/keys.ts'
import { claims, good, header, rsa, segment, signed, stranger, trusted, type Vector, without } from './vector.ts'

const { jwk } = trusted
const withoutKid = signed(claims(), header({ kid: undefined }))
const rsaToken = signed(claims(), { alg: 'RS256', kid: 'rs256-1' }, rsa)
const weak = makeKey('RS256', 'rs256-1', 1024)
const short = makeKey('HS256', 'hs256-1')
const es384 = makeKey('ES384', 'es256-1')
const forHmac = (k: unknown): Partial<Vector> => ({
  token: signed(claims(), { alg: 'HS256', kid: 'hs256-1' }, short),
  keys: [{ kty: 'oct', kid: 'hs256-1', k }],
  options: { algorithms: ['HS256'] },
})

/** The neutral point of Ed25519: with it as the key, this signature is good for every message (RFC 8032 §5.1.7). */
const neutral = Buffer.concat([Buffer.of(1), Buffer.alloc(31)])
const anyMessage = Buffer.concat([neutral, Buffer.alloc(32)])
const neutralKey = { kty: 'OKP', crv: 'Ed25519', x: segment(neutral), kid: 'ed25519-1' }

/** Why the key with the right id may not be used; the token is good. */
const UNUSABLE: readonly [string, string, unknown][] = [
  ['use-enc', 'is for encryption', { ...jwk, use: 'enc' }],
  ['use-number', 'has a use that is no string', { ...jwk, use: 1 }],
  ['key-ops-sign', 'has key_ops without verify', { ...without(jwk, 'use'), key_ops: ['sign'] }],
  ['key-ops-empty', 'has empty key_ops', { ...jwk, key_ops: [] }],
  ['key-ops-text', 'has key_ops that are no list', { ...jwk, key_ops: 'verify' }],
  ['alg-other', 'is for another algorithm', { ...jwk, alg: 'ES384' }],
  ['alg-encryption', 'is for key agreement', { ...jwk, alg: 'ECDH-ES' }],
  ['off-curve', 'has a point that is not on the curve', { ...jwk, x: stranger.jwk.x }],
  ['infinity', 'has coordinates of zero', { ...jwk, x: segment(Buffer.alloc(32)), y: segment(Buffer.alloc(32)) }],
  [
    'x-short',
    'has an x of 31 bytes (RFC 7518 §6.2.1.2)',
    { ...jwk, x: segment(Buffer.from(jwk.x as string, 'base64url').subarray(1)) },
  ],
  [
    'x-long',
    'has an x with a leading zero byte (RFC 7518 §6.2.1.2)',
    { ...jwk, x: segment(Buffer.concat([Buffer.of(0), Buffer.from(jwk.x as string, 'base64url')])) },
  ],
  ['x-padded', 'has an x with base64 padding', { ...jwk, x: `${jwk.x}=` }],
  ['x-number', 'has an x that is a number', { ...jwk, x: 1 }],
  ['y-absent', 'has no y', without(jwk, 'y')],
  ['crv-other', 'says that it is on P-384', { ...jwk, crv: 'P-384' }],
  ['crv-unknown', 'says that it is on secp256k1', { ...jwk, crv: 'secp256k1' }],
  ['crv-absent', 'names no curve', without(jwk, 'crv')],
  ['p384', 'is on P-384', without(es384.jwk, 'alg')],
  ['kty-absent', 'names no type', without(jwk, 'kty')],
  ['kty-unknown', 'is of an unknown type', { ...jwk, kty: 'AKP' }],
]

const RSA: readonly [string, string, unknown][] = [
  ['rsa-e-one', 'has an exponent of 1, with which every padded digest is its own signature', { ...rsa.jwk, e: 'AQ' }],
  ['rsa-e-even', 'has an even exponent', { ...rsa.jwk, e: 'Ag' }],
  ['rsa-e-zero', 'has an exponent of 0', { ...rsa.jwk, e: 'AA' }],
  ['rsa-e-absent', 'has no exponent', without(rsa.jwk, 'e')],
  ['rsa-n-padded', 'has a modulus with base64 padding', { ...rsa.jwk, n: `${rsa.jwk.n}==` }],
]

const UNKNOWN: readonly [string, string, readonly unknown[], string][] = [
  ['unknown', 'No key has the id that the token names.', [{ ...jwk, kid: 'other' }], good],
  ['set-empty', 'The set is empty.', [], good],
  ['without-kid', 'The key has no id, and the token names one.', [without(jwk, 'kid')], good],
  ['kid-number', 'The id of the key is a number.', [{ ...jwk, kid: 1 }], signed(claims(), header({ kid: '1' }))],
  ['none-fits', 'The token names no id, and no key fits its algorithm.', [rsa.jwk, es384.jwk], withoutKid],
  ['no-keys', 'The set holds nothing that is a key.', [null, 7, 'es256-1', [], {}], good],
]

export const KEY: Vector[] = [
  ...UNUSABLE.map(
    ([name, what, key]): Vector => ({
      name,
      why: `The key with the right id ${what}.`,
      expected: 'key_unusable',
      token: good,
      keys: [key],
    }),
  ),
  ...RSA.map(
    ([name, what, key]): Vector => ({
      name,
      why: `The RSA key ${what}.`,
      expected: 'key_unusable',
      token: rsaToken,
      keys: [key],
      options: { algorithms: ['RS256'] },
    }),
  ),
  ...UNKNOWN.map(([name, why, keys, token]): Vector => ({ name, why, expected: 'key_unknown', token, keys })),
  {
    name: 'rsa-1024',
    why: 'The RSA key has 1024 bits (RFC 7518 §3.3).',
    expected: 'key_unusable',
    token: signed(claims(), { alg: 'RS256', kid: 'rs256-1' }, weak),
    keys: [weak.jwk],
    options: { algorithms: ['RS256'] },
  },
  {
    name: 'ed25519-neutral',
    why: 'The Ed25519 key is the neutral point, under which one signature is good for every message.',
    expected: 'key_unusable',
    token: `${segment({ alg: 'EdDSA', kid: 'ed25519-1' })}.${segment(claims())}.${segment(anyMessage)}`,
    keys: [neutralKey],
    options: { algorithms: ['EdDSA'] },
  },
  {
    name: 'ed25519-short',
    why: 'The Ed25519 key has 31 bytes.',
    expected: 'key_unusable',
    token: signed(claims(), { alg: 'EdDSA', kid: 'ed25519-1' }, makeKey('EdDSA')),
    keys: [{ ...neutralKey, x: segment(Buffer.alloc(31, 7)) }],
    options: { algorithms: ['EdDSA'] },
  },
  {
    name: 'kid-used-twice',
    why: 'Two different keys that fit have the id that the token names: an id is used once.',
    expected: 'key_ambiguous',
    token: good,
    keys: [jwk, stranger.jwk],
  },
  {
    name: 'several-fit',
    why: 'The token names no id, and two keys fit its algorithm.',
    expected: 'key_ambiguous',
    token: withoutKid,
    keys: [jwk, { ...stranger.jwk, kid: 'es256-2' }],
  },
  {
    name: 'other-key-named',
    why: 'The token names another trusted key than the one that signed it.',
    expected: 'signature_invalid',
    token: signed(claims(), header({ kid: 'es256-2' })),
    keys: [jwk, { ...stranger.jwk, kid: 'es256-2' }],
  },
  ...[
    {
      name: 'hmac-short',
      why: 'The shared secret is shorter than its digest (RFC 7518 §3.2).',
      ...forHmac(short.jwk.k?.slice(0, 40)),
    },
    { name: 'hmac-empty', why: 'The shared secret is empty.', ...forHmac('') },
    { name: 'hmac-number', why: 'The shared secret is a number.', ...forHmac(0) },
  ].map((row) => ({ expected: 'key_unusable', ...row }) as Vector),
]
