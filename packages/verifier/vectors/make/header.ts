import { claims, good, goodParts, header, segment, signed, stranger, type Vector } from './vector.ts'

const byStranger = (changes: Record<string, unknown>): string => signed(claims(), header(changes), stranger)
const { kid: _, ...strangersKey } = stranger.jwk

const EMBEDDED: Vector[] = [
  {
    name: 'jwk',
    why: 'Signed by a key that the token brings along.',
    expected: 'signature_invalid',
    token: byStranger({ jwk: strangersKey }),
  },
  {
    name: 'jwk-without-kid',
    why: 'Signed by a key that the token brings along; no kid is named.',
    expected: 'signature_invalid',
    token: byStranger({ kid: undefined, jwk: strangersKey }),
  },
  {
    name: 'jwk-own-kid',
    why: 'Signed by a key that the token brings along, under an id of its own.',
    expected: 'key_unknown',
    token: byStranger({ kid: 'mine', jwk: { ...strangersKey, kid: 'mine' } }),
  },
  {
    name: 'jku',
    why: 'Signed by a key from an address that the token names.',
    expected: 'signature_invalid',
    token: byStranger({ jku: 'https://attacker.example/jwks.json' }),
  },
  {
    name: 'x5u',
    why: 'Signed by a key from a certificate whose address the token names.',
    expected: 'signature_invalid',
    token: byStranger({ x5u: 'https://attacker.example/chain.pem' }),
  },
  {
    name: 'x5c',
    why: 'Signed by a key from a certificate that the token brings along.',
    expected: 'signature_invalid',
    token: byStranger({ x5c: ['MIIBszCCAVmgAwIBAgIUattacker'] }),
  },
]

const KIDS: readonly [string, string][] = [
  ['path', '../../../../../../dev/null'],
  ['path-to-secret', '/proc/sys/kernel/randomize_va_space'],
  ['sql', "x' UNION SELECT 'secret' -- "],
  ['command', 'key.pem|/usr/bin/id'],
  ['address', 'https://attacker.example/key'],
  ['prototype', '__proto__'],
  ['constructor', 'constructor'],
  ['other-case', 'ES256-1'],
  ['space', 'es256-1 '],
  ['nul', 'es256-1\0'],
  ['prefix', 'es256'],
  ['empty', ''],
  ['index', '0'],
  ['line-break', 'es256-1\r\nX-Injected: 1'],
  ['long', 'k'.repeat(20_000)],
]

const KID: Vector[] = KIDS.map(([name, kid]) => ({
  name: `kid-${name}`,
  why: `The kid is ${JSON.stringify(kid).slice(0, 60)}: ids are compared literally and looked up nowhere else.`,
  expected: 'key_unknown',
  token: signed(claims(), header({ kid })),
}))

const CRITS: readonly [string, Record<string, unknown>][] = [
  ['unknown', { crit: ['http://example.com/UNDEFINED'], 'http://example.com/UNDEFINED': true }],
  ['known-name', { crit: ['exp'], exp: 1 }],
  ['empty', { crit: [] }],
  ['text', { crit: 'exp', exp: 1 }],
  ['null', { crit: null }],
  ['registered', { crit: ['alg'] }],
  ['absent-parameter', { crit: ['absent'] }],
  ['b64', { crit: ['b64'], b64: false }],
  ['b64-true', { crit: ['b64'], b64: true }],
]

const CRIT: Vector[] = CRITS.map(([name, changes]) => ({
  name: `crit-${name}`,
  why: 'No critical extension is understood, so that every crit refuses the token (RFC 7515 §4.1.11).',
  expected: 'header_unsupported',
  token: signed(claims(), header(changes)),
}))

const TYPS: readonly [string, unknown, unknown][] = [
  ['other', 'JWT', 'at+jwt'],
  ['logout', 'logout+jwt', 'at+jwt'],
  ['dpop', 'dpop+jwt', 'at+jwt'],
  ['absent', undefined, 'at+jwt'],
  ['empty', '', 'at+jwt'],
  ['parameters', 'at+jwt; charset=utf-8', 'at+jwt'],
  ['space', ' at+jwt', 'at+jwt'],
  ['text-prefix', 'text/at+jwt', 'at+jwt'],
  ['not-in-list', 'JWT', ['at+jwt', 'jwt+at', null]],
  ['absent-not-in-list', undefined, ['at+jwt', 'JWT']],
]

const TYP: Vector[] = TYPS.map(([name, typ, requiredTyp]) => ({
  name: `typ-${name}`,
  why: `The typ is ${JSON.stringify(typ) ?? 'absent'}, and ${JSON.stringify(requiredTyp)} is required.`,
  expected: 'type_mismatch',
  token: signed(claims(), header({ typ })),
  options: { requiredTyp },
}))

const WRONG_TYPES: readonly [string, unknown][] = [
  ['kid-number', { kid: 1 }],
  ['kid-null', { kid: null }],
  ['kid-array', { kid: ['es256-1'] }],
  ['kid-object', { kid: { $ne: '' } }],
  ['typ-number', { typ: 1 }],
  ['typ-array', { typ: ['at+jwt'] }],
]

const [head, body, signature] = goodParts
const flattened = { protected: head, payload: body, signature }

export const HEADER: Vector[] = [
  ...EMBEDDED,
  ...KID,
  ...CRIT,
  ...TYP,
  ...WRONG_TYPES.map(
    ([name, changes]): Vector => ({
      name,
      why: `A parameter of the header has the wrong type: ${JSON.stringify(changes)}.`,
      expected: 'token_malformed',
      token: signed(claims(), header(changes as Record<string, unknown>)),
    }),
  ),
  {
    name: 'b64-false',
    why: 'An unencoded payload (RFC 7797) that crit does not mention.',
    expected: 'header_unsupported',
    token: signed(claims(), header({ b64: false })),
  },
  {
    name: 'jwe',
    why: 'An encrypted token (RFC 7516), five parts.',
    expected: 'token_malformed',
    token: `${segment({ alg: 'dir', enc: 'A128GCM' })}..${segment('0123456789ab')}.${segment('ciphertext')}.${segment('0123456789abcdef')}`,
  },
  {
    name: 'jwe-as-jws',
    why: 'The header of an encrypted token in three parts.',
    expected: 'algorithm_not_allowed',
    token: signed(claims(), { alg: 'dir', enc: 'A128GCM', kid: 'es256-1' }),
  },
  {
    name: 'json-flattened',
    why: 'The JSON serialisation (RFC 7515 §7.2.2) instead of the compact one.',
    expected: 'token_malformed',
    token: JSON.stringify(flattened),
  },
  {
    name: 'json-general',
    why: 'The JSON serialisation with a list of signatures (RFC 7515 §7.2.1).',
    expected: 'token_malformed',
    token: JSON.stringify({ payload: body, signatures: [{ protected: head, signature }] }),
  },
  {
    name: 'json-polyglot',
    why: 'JSON whose text has two dots, so that it splits like a compact token (CVE-2022-3102).',
    expected: 'token_malformed',
    token: JSON.stringify({ ' ': `.${segment(claims({ sub: 'admin' }))}.`, ...flattened }),
  },
  {
    name: 'nested',
    why: 'The payload is a token itself (cty JWT), and no claims.',
    expected: 'token_malformed',
    token: signed(good, header({ cty: 'JWT' })),
  },
]
