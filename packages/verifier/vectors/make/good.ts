import { makeKey } from '../../test/support/keys.ts'
import {
  claims,
  claimsText,
  good,
  header,
  SECONDS,
  segment,
  signatureOf,
  signed,
  stranger,
  trusted,
  type Vector,
  without,
  withSignature,
} from './vector.ts'

const NAMES = [
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
  'Ed25519',
  'HS256',
  'HS384',
  'HS512',
]

const ALGORITHMS: Vector[] = NAMES.map((alg) => {
  const key = makeKey(alg, `${alg.toLowerCase()}-1`)
  const token = signed(claims(), { alg, kid: key.jwk.kid }, key)
  return {
    name: `alg-${alg.toLowerCase()}`,
    why: `Signed with ${alg}.`,
    expected: 'ok',
    token,
    keys: [key.jwk],
    options: { algorithms: [alg] },
  }
})

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** ECDSA has two good values of s for each r, and RFC 7518 asks for neither. */
function otherS(): string {
  const raw = signatureOf(good)
  const s = ORDER - BigInt(`0x${raw.subarray(32).toString('hex')}`)
  return withSignature(good, Buffer.concat([raw.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]))
}

function startingWithZero(): string {
  for (let jti = 0; ; jti++) {
    const token = signed(claims({ jti: `j-${jti}` }))
    if (signatureOf(token)[0] === 0) return token
  }
}

const deep = `"a":${'['.repeat(31)}${']'.repeat(31)},`
const tricky = '"a\\u0061":"\\"exp\\":1,{[","b":{"exp":1,"b":{"exp":2}},"":[{"exp":3},{"exp":4}],'
const other = { ...stranger.jwk, kid: 'es256-2' }
const ROWS: readonly [string, string, string, Partial<Vector>?][] = [
  ['plain', 'Nothing is wrong with it.', good],
  ['s-negated', 'n - s instead of s: ECDSA allows both, so that a token is not known by its signature.', otherS()],
  ['r-leading-zero', 'r begins with a zero byte.', startingWithZero()],
  ['without-kid', 'It names no key, and only one fits.', signed(claims(), header({ kid: undefined }))],
  [
    'header-unknown-parameters',
    'The header has parameters that nobody knows: they are ignored (RFC 7515 §4).',
    signed(claims(), header({ 'x-anything': { a: [1] }, enc: 7, zip: 'DEF' })),
  ],
  [
    'header-embedded-jwk',
    'The header brings along somebody else’s key, which is ignored.',
    signed(claims(), header({ jwk: without(stranger.jwk, 'kid'), jku: 'https://attacker.example/jwks.json' })),
  ],
  ['b64-true', 'b64 is true, as it always is (RFC 7797 §3).', signed(claims(), header({ b64: true }))],
  [
    'typ-media-type',
    'The typ with application/ and in capitals (RFC 7515 §4.1.9).',
    signed(claims(), header({ typ: 'Application/AT+JWT' })),
    { options: { requiredTyp: 'at+jwt' } },
  ],
  [
    'typ-absent-in-list',
    'There is no typ, and the list of types allows that.',
    good,
    { options: { requiredTyp: ['at+jwt', null] } },
  ],
  [
    'keys-beside',
    'Bad keys and no keys stand beside the good one.',
    good,
    {
      keys: [
        null,
        7,
        {},
        { kty: 'AKP', kid: 'es256-1' },
        { ...stranger.jwk, x: 'AA' },
        { ...other, use: 'enc' },
        trusted.jwk,
      ],
    },
  ],
  ['key-twice', 'The same key is in the set twice.', good, { keys: [trusted.jwk, { ...trusted.jwk }] }],
  ['key-ops', 'The key says that it may verify.', good, { keys: [{ ...trusted.jwk, key_ops: ['verify'] }] }],
  [
    'aud-list',
    'It is meant for several, of whom we are one.',
    signed(claims({ aud: ['urn:other:api', 'urn:rekey:api'] })),
  ],
  [
    'audiences',
    'Several audiences are accepted.',
    good,
    { options: { audience: ['urn:rekey:next', 'urn:rekey:api'] } },
  ],
  [
    'any-issuer-any-audience',
    'Neither is asked for.',
    signed(claims({ iss: undefined, aud: undefined })),
    { options: { issuer: null, audience: null } },
  ],
  [
    'exp-within-tolerance',
    'It expired, but less long ago than the tolerance.',
    signed(claims({ exp: SECONDS - 4 })),
    { options: { clockToleranceMs: 5000 } },
  ],
  ['exp-fraction', 'exp is no whole number, which RFC 7519 §2 allows.', signed(claims({ exp: SECONDS + 0.5 }))],
  ['iat-slightly-ahead', 'It was issued 60 seconds from now: clocks differ.', signed(claims({ iat: SECONDS + 60 }))],
  [
    'lifetime',
    'It lives exactly as long as is allowed.',
    signed(claims({ exp: SECONDS + 600 })),
    { options: { maxTokenLifetimeMs: 600_000 } },
  ],
  [
    'azp',
    'An authorised client got it.',
    signed(claims({ azp: 'web', client_id: 'attacker' })),
    { options: { authorizedParties: ['web'] } },
  ],
  [
    'client-id',
    'An authorised client got it, by client_id.',
    signed(claims({ client_id: 'web' })),
    { options: { authorizedParties: ['web'] } },
  ],
  [
    'required-claims',
    'Every required claim is there.',
    signed(claims({ a: false })),
    { options: { requiredClaims: ['sub', 'a'] } },
  ],
  ['json-32-levels', 'Lists nested 32 levels deep, the claims included.', signed(claimsText(deep))],
  [
    'json-no-duplicates',
    'Names that look as if they were there twice, in strings and in other objects.',
    signed(claimsText(tricky)),
  ],
  [
    'json-white-space',
    'The claims have white space in and around them.',
    signed(`\r\n\t ${JSON.stringify(claims(), null, 2)} \n`),
  ],
  ['json-unicode', 'Characters from beyond every plane.', signed(claims({ name: 'Zoë 😀 \u0000 \ud800' }))],
  ['large', 'A token of almost 65,536 characters.', signed(claims({ filling: 'x'.repeat(48_000) }))],
]

/** RFC 7515, appendix A.3: its key names no id and its claims have no audience. */
const RFC7515: Vector = {
  name: 'rfc7515-a3',
  why: 'The example of RFC 7515, appendix A.3.',
  expected: 'ok',
  token: `${segment('{"alg":"ES256"}')}.${segment('{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}')}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q`,
  keys: [
    {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    },
  ],
  options: { issuer: 'joe', audience: null, now: 1_300_819_379_000 },
}

export const GOOD: Vector[] = [
  ...ROWS.map(([name, why, token, more]): Vector => ({ name, why, expected: 'ok', token, ...more })),
  ...ALGORITHMS,
  RFC7515,
]
