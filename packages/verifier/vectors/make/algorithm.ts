import { createHmac, createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { makeKey } from '../../test/support/keys.ts'
import { claims, good, header, rsa, segment, signed, trusted, type Vector, without } from './vector.ts'

const object = createPublicKey({ key: rsa.jwk as JsonWebKey, format: 'jwk' })
const pem = object.export({ format: 'pem', type: 'spki' })
const pkcs1 = object.export({ format: 'pem', type: 'pkcs1' })

function hmacToken(secret: string | Buffer, kid = 'rs256-1', alg = 'HS256'): string {
  const input = `${segment({ alg, kid })}.${segment(claims())}`
  return `${input}.${segment(
    createHmac(`sha${alg.slice(2)}`, secret)
      .update(input)
      .digest(),
  )}`
}

const unsigned = (alg: unknown, signature = ''): string =>
  `${segment(header({ alg }))}.${segment(claims())}.${signature}`

const NONES = { lower: 'none', title: 'None', upper: 'NONE', mixed: 'nOnE', space: 'none ', nul: 'none\0' }

const NONE: Vector[] = Object.entries(NONES).map(([name, alg]) => ({
  name: `none-${name}`,
  why: `alg is ${JSON.stringify(alg)} and there is no signature.`,
  expected: 'algorithm_not_allowed',
  token: unsigned(alg),
}))

const STRANGE: Vector[] = Object.entries({
  empty: '',
  'other-case': 'es256',
  space: 'ES256 ',
  nul: 'ES256\0',
  prefix: 'ES',
  secp256k1: 'ES256K',
  'rsa-sha1': 'RS1',
  'hmac-sha1': 'HS1',
  encryption: 'RSA1_5',
  direct: 'dir',
  address: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  inherited: 'constructor',
  prototype: '__proto__',
}).map(([name, alg]) => ({
  name: `strange-${name}`,
  why: `alg is ${JSON.stringify(alg)}, which is not allowed, or means nothing where it is.`,
  expected: 'algorithm_not_allowed',
  token: signed(claims(), header({ alg })),
  options: { algorithms: ['ES256', 'constructor', '__proto__', 'ES256K', 'none'] },
}))

const NO_TEXT: Vector[] = Object.entries({ null: null, number: 256, list: ['ES256'], object: { 0: 'ES256' } }).map(
  ([name, alg]) => ({
    name,
    why: `alg is ${JSON.stringify(alg)} instead of a string.`,
    expected: 'token_malformed',
    token: signed(claims(), header({ alg })),
  }),
)

const secrets: [string, string, string | Buffer][] = [
  ['pem', 'its PEM text', pem],
  ['pem-trimmed', 'its PEM text without the last line break', pem.toString().trimEnd()],
  ['pkcs1', 'its PKCS #1 PEM text', pkcs1],
  ['der', 'its DER bytes', object.export({ format: 'der', type: 'spki' })],
  ['modulus', 'its modulus', Buffer.from(rsa.jwk.n as string, 'base64url')],
  ['jwk', 'its JWK as JSON', JSON.stringify(rsa.jwk)],
  ['empty', 'nothing', ''],
]

const CONFUSION: Vector[] = secrets.map(([name, what, secret]) => ({
  name: `confusion-${name}`,
  why: `HS256 with ${what} as the secret of a public RSA key, where only RS256 is allowed.`,
  expected: 'algorithm_not_allowed',
  token: hmacToken(secret),
  keys: [rsa.jwk],
  options: { algorithms: ['RS256'] },
}))

const hs256 = makeKey('HS256', 'hs256-1')
const x25519 = { ...generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }), kid: 'okp-1' }
const ed448 = { ...generateKeyPairSync('ed448').publicKey.export({ format: 'jwk' }), kid: 'okp-1' }
const ed25519 = makeKey('EdDSA', 'okp-1')
const eddsa = signed(claims(), { alg: 'EdDSA', kid: 'okp-1' }, ed25519)
const pss = makeKey('PS256', 'ps256-1')
const pssToken = signed(claims(), { alg: 'PS256', kid: 'ps256-1' }, pss)
const es384 = makeKey('ES384', 'es384-1')

export const ALGORITHM: Vector[] = [
  ...NONE,
  ...STRANGE,
  ...NO_TEXT,
  ...CONFUSION,
  { name: 'absent', why: 'There is no alg.', expected: 'token_malformed', token: signed(claims(), { kid: 'es256-1' }) },
  {
    name: 'none-allowed',
    why: 'A list that allows none by name allows nothing.',
    expected: 'algorithm_not_allowed',
    token: unsigned('none'),
    options: { algorithms: ['none'] },
  },
  {
    name: 'none-signed',
    why: 'alg is none, but there is a signature.',
    expected: 'algorithm_not_allowed',
    token: signed(claims(), header({ alg: 'none' })),
  },
  {
    name: 'not-allowed',
    why: 'A good ES256 token where only RS256 is allowed.',
    expected: 'algorithm_not_allowed',
    token: good,
    options: { algorithms: ['RS256'] },
  },
  {
    name: 'nothing-allowed',
    why: 'No algorithm is allowed.',
    expected: 'algorithm_not_allowed',
    token: good,
    options: { algorithms: [] },
  },
  {
    name: 'confusion-both-allowed',
    why: 'HS256 with the PEM text of a public key, where RS256 and HS256 are allowed together: HS* never counts beside public-key algorithms.',
    expected: 'algorithm_not_allowed',
    token: hmacToken(pem),
    keys: [rsa.jwk],
    options: { algorithms: ['RS256', 'HS256'] },
  },
  {
    name: 'confusion-only-hmac',
    why: 'HS256 with the PEM text of a public key, where the set holds that RSA key and only HS256 is allowed.',
    expected: 'key_unusable',
    token: hmacToken(pem),
    keys: [without(rsa.jwk, 'alg')],
    options: { algorithms: ['HS256'] },
  },
  {
    name: 'secret-beside-public-key',
    why: 'A rightly signed HS256 token where ES256 is allowed as well: the two families are never mixed.',
    expected: 'algorithm_not_allowed',
    token: signed(claims(), { alg: 'HS256', kid: 'hs256-1' }, hs256),
    keys: [hs256.jwk, trusted.jwk],
    options: { algorithms: ['HS256', 'ES256'] },
  },
  {
    name: 'secret-for-rsa',
    why: 'RS256 named, and the key of that id is a shared secret.',
    expected: 'key_unusable',
    token: hmacToken('secret', 'hs256-1').replace(/^[^.]*/, segment({ alg: 'RS256', kid: 'hs256-1' })),
    keys: [without(hs256.jwk, 'alg')],
    options: { algorithms: ['RS256'] },
  },
  {
    name: 'rsa-key-for-es256',
    why: 'ES256 named, and the key of that id is an RSA key.',
    expected: 'key_unusable',
    token: signed(claims(), header({ kid: 'rs256-1' })),
    keys: [without(rsa.jwk, 'alg')],
  },
  {
    name: 'ec-key-for-rs256',
    why: 'RS256 named, and the key of that id is an EC key.',
    expected: 'key_unusable',
    token: signed(claims(), header({ alg: 'RS256' }), rsa),
    keys: [without(trusted.jwk, 'alg')],
    options: { algorithms: ['RS256', 'ES256'] },
  },
  {
    name: 'es256-with-p384',
    why: 'ES256 signed by a P-384 key: the curve belongs to the algorithm.',
    expected: 'key_unusable',
    token: signed(claims(), header({ kid: 'es384-1' }), es384),
    keys: [without(es384.jwk, 'alg')],
    options: { algorithms: ['ES256', 'ES384'] },
  },
  {
    name: 'es384-with-p256',
    why: 'ES384 named, and the key is on P-256.',
    expected: 'key_unusable',
    token: signed(claims(), header({ alg: 'ES384' })),
    keys: [without(trusted.jwk, 'alg')],
    options: { algorithms: ['ES256', 'ES384'] },
  },
  {
    name: 'ps256-with-rs256-key',
    why: 'A good PS256 signature by a key whose alg is RS256.',
    expected: 'key_unusable',
    token: pssToken,
    keys: [{ ...pss.jwk, alg: 'RS256' }],
    options: { algorithms: ['PS256', 'RS256'] },
  },
  {
    name: 'ps256-as-rs256',
    why: 'A PSS signature under the name of RS256.',
    expected: 'signature_invalid',
    token: signed(claims(), { alg: 'RS256', kid: 'ps256-1' }, pss),
    keys: [without(pss.jwk, 'alg')],
    options: { algorithms: ['PS256', 'RS256'] },
  },
  {
    name: 'rs256-as-ps256',
    why: 'A PKCS #1 v1.5 signature under the name of PS256.',
    expected: 'signature_invalid',
    token: signed(claims(), { alg: 'PS256', kid: 'rs256-1' }, rsa),
    keys: [without(rsa.jwk, 'alg')],
    options: { algorithms: ['PS256', 'RS256'] },
  },
  {
    name: 'rs256-as-rs512',
    why: 'A SHA-256 signature under the name of RS512.',
    expected: 'signature_invalid',
    token: signed(claims(), { alg: 'RS512', kid: 'rs256-1' }, rsa),
    keys: [without(rsa.jwk, 'alg')],
    options: { algorithms: ['RS512', 'RS256'] },
  },
  {
    name: 'eddsa-with-x25519',
    why: 'EdDSA named, and the key of that id is for key agreement.',
    expected: 'key_unusable',
    token: eddsa,
    keys: [x25519],
    options: { algorithms: ['EdDSA'] },
  },
  {
    name: 'eddsa-with-ed448',
    why: 'EdDSA named, and the key of that id is on Ed448.',
    expected: 'key_unusable',
    token: eddsa,
    keys: [ed448],
    options: { algorithms: ['EdDSA'] },
  },
]
