import type { VerifyErrorCode } from '../../src/index.ts'
import { AUDIENCE, ISSUER, NOW_MS } from '../../test/support/keys.ts'
import { claims, claimsText, SECONDS, signed, type Vector } from './vector.ts'

/** Name, why, what changes in the good claims, the code, and options. */
type Row = readonly [string, string, Record<string, unknown>, VerifyErrorCode, Record<string, unknown>?]

const TIMES: readonly Row[] = [
  ['exp-past', 'It expired an hour ago.', { exp: SECONDS - 3600 }, 'token_expired'],
  [
    'exp-now',
    'It expires in this very millisecond: on that moment and after it, it is refused (RFC 7519 §4.1.4).',
    { exp: SECONDS },
    'token_expired',
  ],
  [
    'exp-beyond-tolerance',
    'It expired longer ago than the tolerance.',
    { exp: SECONDS - 5 },
    'token_expired',
    { clockToleranceMs: 5000 },
  ],
  ['exp-negative', 'exp is negative.', { exp: -1 }, 'token_expired'],
  ['exp-zero', 'exp is zero.', { exp: 0 }, 'token_expired'],
  ['exp-absent', 'There is no exp.', { exp: undefined }, 'claim_missing'],
  ['exp-text', 'exp is a string.', { exp: String(SECONDS + 3600) }, 'claim_invalid'],
  ['exp-date', 'exp is a date as text.', { exp: new Date(NOW_MS + 3_600_000).toISOString() }, 'claim_invalid'],
  ['exp-null', 'exp is null.', { exp: null }, 'claim_invalid'],
  ['exp-true', 'exp is true.', { exp: true }, 'claim_invalid'],
  ['exp-list', 'exp is a list with a number.', { exp: [SECONDS + 3600] }, 'claim_invalid'],
  ['exp-object', 'exp is an object.', { exp: { seconds: SECONDS + 3600 } }, 'claim_invalid'],
  ['exp-beyond-calendar', 'exp is finite, and later than any date.', { exp: 1e300 }, 'claim_invalid'],
  ['nbf-ahead', 'It is valid from the next second on.', { nbf: SECONDS + 1 }, 'token_not_yet_valid'],
  ['nbf-text', 'nbf is a string.', { nbf: String(SECONDS) }, 'claim_invalid'],
  ['nbf-null', 'nbf is null.', { nbf: null }, 'claim_invalid'],
  ['iat-ahead', 'It was issued a day and a second from now.', { iat: SECONDS + 86_401 }, 'token_not_yet_valid'],
  [
    'iat-far-ahead',
    'It was issued in a year.',
    { iat: SECONDS + 31_536_000, exp: SECONDS + 31_539_600 },
    'token_not_yet_valid',
  ],
  ['iat-milliseconds', 'iat is in milliseconds.', { iat: NOW_MS }, 'token_not_yet_valid'],
  ['iat-text', 'iat is a string.', { iat: String(SECONDS) }, 'claim_invalid'],
  ['iat-null', 'iat is null.', { iat: null }, 'claim_invalid'],
  [
    'lifetime',
    'It lives a second longer than is allowed.',
    { exp: SECONDS + 601 },
    'token_lifetime_too_long',
    { maxTokenLifetimeMs: 600_000 },
  ],
  [
    'lifetime-from-past',
    'What is left is allowed, but it was issued long ago.',
    { iat: SECONDS - 3600, exp: SECONDS + 60 },
    'token_lifetime_too_long',
    { maxTokenLifetimeMs: 600_000 },
  ],
  [
    'lifetime-without-iat',
    'There is no iat, and more is left than is allowed.',
    { iat: undefined, exp: SECONDS + 601 },
    'token_lifetime_too_long',
    { maxTokenLifetimeMs: 600_000 },
  ],
]

const NAMES: readonly Row[] = [
  ['iss-other', 'Somebody else issued it.', { iss: 'https://attacker.example' }, 'issuer_mismatch'],
  [
    'iss-trailing-slash',
    'The issuer has a slash too many: issuers are compared literally.',
    { iss: `${ISSUER}/` },
    'issuer_mismatch',
  ],
  ['iss-other-case', 'The issuer is in capitals.', { iss: ISSUER.toUpperCase() }, 'issuer_mismatch'],
  ['iss-default-port', 'The issuer has the default port.', { iss: `${ISSUER}:443` }, 'issuer_mismatch'],
  ['iss-longer', 'The issuer begins like the right one.', { iss: `${ISSUER}.attacker.example` }, 'issuer_mismatch'],
  [
    'iss-user',
    'The issuer has the right one as user information.',
    { iss: `${ISSUER}@attacker.example` },
    'issuer_mismatch',
  ],
  ['iss-homoglyph', 'A letter of the issuer is Cyrillic.', { iss: ISSUER.replace('a', '\u0430') }, 'issuer_mismatch'],
  ['iss-empty', 'The issuer is empty.', { iss: '' }, 'issuer_mismatch'],
  ['iss-absent', 'There is no issuer.', { iss: undefined }, 'claim_missing'],
  ['iss-list', 'The issuer is a list with the right one.', { iss: [ISSUER] }, 'claim_invalid'],
  ['iss-null', 'The issuer is null.', { iss: null }, 'claim_invalid'],
  ['aud-other', 'It is meant for somebody else.', { aud: 'urn:other:api' }, 'audience_mismatch'],
  ['aud-others', 'It is meant for several others.', { aud: ['urn:other:api', 'urn:another:api'] }, 'audience_mismatch'],
  ['aud-prefix', 'The audience begins like the right one.', { aud: `${AUDIENCE}:admin` }, 'audience_mismatch'],
  ['aud-part', 'The audience is a part of the right one.', { aud: AUDIENCE.slice(0, -1) }, 'audience_mismatch'],
  ['aud-joined', 'Two audiences in one string.', { aud: `${AUDIENCE} urn:other:api` }, 'audience_mismatch'],
  ['aud-other-case', 'The audience is in capitals.', { aud: AUDIENCE.toUpperCase() }, 'audience_mismatch'],
  ['aud-empty-list', 'The audience is an empty list.', { aud: [] }, 'audience_mismatch'],
  ['aud-absent', 'There is no audience.', { aud: undefined }, 'claim_missing'],
  ['aud-object', 'The audience is an object with the right one.', { aud: { 0: AUDIENCE } }, 'claim_invalid'],
  ['aud-number', 'The audience is a number.', { aud: 1 }, 'claim_invalid'],
  ['aud-null', 'The audience is null.', { aud: null }, 'claim_invalid'],
  ['aud-mixed-list', 'A number stands beside the right audience.', { aud: [AUDIENCE, 1] }, 'claim_invalid'],
  ['aud-nested-list', 'The right audience is in a list within the list.', { aud: [[AUDIENCE]] }, 'claim_invalid'],
]

const parties = { authorizedParties: ['web', 'mobile'] }

const OTHERS: readonly Row[] = [
  ['azp-other', 'Another client got it.', { azp: 'attacker' }, 'party_mismatch', parties],
  [
    'azp-before-client-id',
    'azp counts where both are there.',
    { azp: 'attacker', client_id: 'web' },
    'party_mismatch',
    parties,
  ],
  ['client-id-other', 'Another client got it, by client_id.', { client_id: 'attacker' }, 'party_mismatch', parties],
  ['azp-absent', 'No client is named.', {}, 'claim_missing', parties],
  ['azp-list', 'azp is a list with the right client.', { azp: ['web'] }, 'claim_invalid', parties],
  ['azp-null', 'azp is null, client_id is right.', { azp: null, client_id: 'web' }, 'claim_invalid', parties],
  [
    'required-absent',
    'A claim that is required is not there.',
    {},
    'claim_missing',
    { requiredClaims: ['sub', 'organization_id'] },
  ],
  [
    'required-null',
    'A claim that is required is null.',
    { organization_id: null },
    'claim_missing',
    { requiredClaims: ['organization_id'] },
  ],
  [
    'required-inherited',
    'A claim that is required is only what every object has.',
    {},
    'claim_missing',
    { requiredClaims: ['constructor'] },
  ],
  ['sub-number', 'sub is a number.', { sub: 1 }, 'claim_invalid'],
  ['sub-object', 'sub is an object.', { sub: { $ne: '' } }, 'claim_invalid'],
  ['jti-number', 'jti is a number, which no list of denied tokens would find.', { jti: 7 }, 'claim_invalid'],
  ['sid-list', 'sid is a list, which no list of denied sessions would find.', { sid: ['s-1'] }, 'claim_invalid'],
  ['client-id-number', 'client_id is a number.', { client_id: 7 }, 'claim_invalid'],
]

const endless = claimsText().replace(/"exp":\d+/, '"exp":1e999')

export const CLAIMS: Vector[] = [
  ...[...TIMES, ...NAMES, ...OTHERS].map(
    ([name, why, changes, expected, options = {}]): Vector => ({
      name,
      why,
      expected,
      token: signed(claims(changes)),
      options,
    }),
  ),
  {
    name: 'exp-infinite',
    why: 'exp is 1e999, which is read as Infinity.',
    expected: 'claim_invalid',
    token: signed(endless),
  },
  {
    name: 'in-prototype',
    why: 'The claims are within __proto__.',
    expected: 'claim_missing',
    token: signed(`{"__proto__":${claimsText()}}`),
  },
  { name: 'none', why: 'There are no claims.', expected: 'claim_missing', token: signed('{}') },
]
