import { claims, claimsText, header, segment, signed, type Vector } from './vector.ts'

const bytes = (...parts: (string | number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => Buffer.from(part as never)))
const nested = (levels: number, open: string, close: string, core = ''): string =>
  open.repeat(levels) + core + close.repeat(levels)
const headerText = (before = '', after = ''): string => `{${before}"alg":"ES256","kid":"es256-1"${after}}`

/** What is wrong with a payload; all of them are rightly signed. */
const PAYLOADS: readonly [string, string, unknown][] = [
  ['duplicate-exp', 'exp twice: readers differ in which they take.', claimsText('"exp":1,')],
  ['duplicate-exp-last', 'exp twice, the good one first.', claimsText('', ',"exp":1')],
  ['duplicate-same-value', 'A claim twice with the same value.', claimsText('', ',"sub":"agent-1"')],
  ['duplicate-sub', 'sub twice.', claimsText('"sub":"admin",')],
  [
    'duplicate-escaped',
    'A claim twice, the second time with an escape in its name.',
    claimsText('', ',"s\\u0075b":"admin"'),
  ],
  [
    'escaped-letter',
    'A name of one letter as an escape: some versions of JSON.parse take it for another name.',
    claimsText('"b":1,"\\u0062":2,'),
  ],
  [
    'duplicate-nested',
    'A name twice in an object within the claims.',
    claimsText('"realm_access":{"roles":["user"],"roles":["admin"]},'),
  ],
  ['duplicate-in-list', 'A name twice in an object within a list.', claimsText('"grants":[{"a":1},{"b":1,"b":2}],')],
  ['duplicate-object', 'An object twice under one name.', claimsText('"cnf":{"jkt":"a"},"cnf":{"jkt":"b"},')],
  ['duplicate-prototype', '__proto__ twice.', claimsText('"__proto__":{},"__proto__":{"exp":1},')],
  ['duplicate-empty-name', 'The empty name twice.', claimsText('"":1,"":2,')],
  ['duplicate-with-space', 'A claim twice, with white space around.', claimsText(' "exp" :\n1 ,\t')],
  [
    'duplicate-after-quotes',
    'A claim twice, behind a string full of quotes and colons.',
    claimsText('"a":"\\\\\\":\\"\\\\","exp":1,'),
  ],
  ['deep', 'Objects nested 33 levels deep.', claimsText(`"a":${nested(32, '{"a":', '}', '1')},`)],
  ['deep-list', 'Lists nested 33 levels deep, the claims included.', claimsText(`"a":${nested(32, '[', ']')},`)],
  ['very-deep', 'Lists nested 10,000 levels deep.', claimsText(`"a":${nested(10_000, '[', ']')},`)],
  ['very-deep-unfinished', 'Lists nested 20,000 levels deep, and never closed.', `{"a":${'['.repeat(20_000)}`],
  ['not-utf8', 'A byte that is no UTF-8.', bytes('{"sub":"', [0xff], `",${claimsText().slice(1)}`)],
  ['overlong-utf8', 'A quote written in two bytes.', bytes('{"a":"', [0xc0, 0xa2], `",${claimsText().slice(1)}`)],
  [
    'surrogate-utf8',
    'Half a surrogate pair in bytes (CESU-8).',
    bytes('{"a":"', [0xed, 0xa0, 0x80], `",${claimsText().slice(1)}`),
  ],
  ['cut-utf8', 'A character that is cut off.', bytes('{"a":"', [0xe2, 0x82], `",${claimsText().slice(1)}`)],
  ['byte-order-mark', 'A byte order mark leads.', bytes([0xef, 0xbb, 0xbf], claimsText())],
  ['utf16', 'The claims are UTF-16.', Buffer.from(claimsText(), 'utf16le')],
  ['trailing-brace', 'A brace too many follows.', `${claimsText()}}`],
  ['trailing-object', 'A second object follows.', `${claimsText()}{"sub":"admin"}`],
  ['trailing-nul', 'A NUL follows.', `${claimsText()}\0`],
  ['trailing-comma', 'A comma follows the last claim.', claimsText('', ',')],
  ['cut', 'The last brace is missing.', claimsText().slice(0, -1)],
  ['comment', 'There is a comment.', claimsText('/* comment */')],
  ['single-quotes', 'The strings are in single quotes.', claimsText().replaceAll('"', "'")],
  ['bare-name', 'A name without quotes.', claimsText('a:1,')],
  ['not-a-number', 'exp is NaN.', claimsText().replace(/"exp":\d+/, '"exp":NaN')],
  ['infinity', 'exp is Infinity.', claimsText().replace(/"exp":\d+/, '"exp":Infinity')],
  ['hexadecimal', 'exp is a hexadecimal number.', claimsText().replace(/"exp":\d+/, '"exp":0x7fffffff')],
  ['leading-zero', 'exp has a leading zero.', claimsText().replace('"exp":', '"exp":0')],
  ['leading-plus', 'exp has a leading plus.', claimsText().replace('"exp":', '"exp":+')],
  ['control-character', 'A line break within a string, not escaped.', claimsText('"a":"\n",')],
  ['empty', 'There are no claims, not even an object.', ''],
  ['null', 'The claims are null.', 'null'],
  ['list', 'The claims are in a list.', [claims()]],
  ['text', 'The claims are a string.', '"claims"'],
  ['number', 'The claims are a number.', '7'],
]

const HEADERS: readonly [string, string, unknown][] = [
  ['duplicate-alg', 'alg twice: one reader takes none, another ES256.', headerText('"alg":"none",')],
  ['duplicate-alg-last', 'alg twice, the good one first.', headerText('', ',"alg":"none"')],
  ['duplicate-alg-escaped', 'alg twice, once with an escape in its name.', headerText('"\\u0061lg":"none",')],
  ['duplicate-kid', 'kid twice.', headerText('"kid":"other",')],
  ['duplicate-nested', 'A name twice in an object within the header.', headerText('"jwk":{"kty":"EC","kty":"oct"},')],
  ['deep', 'Lists nested 33 levels deep, the header included.', headerText(`"a":${nested(32, '[', ']')},`)],
  ['very-deep', 'Lists nested 10,000 levels deep.', headerText(`"a":${nested(10_000, '[', ']')},`)],
  ['not-utf8', 'A byte that is no UTF-8.', bytes('{"a":"', [0xff], `",${headerText().slice(1)}`)],
  ['byte-order-mark', 'A byte order mark leads.', bytes([0xef, 0xbb, 0xbf], headerText())],
  ['trailing-brace', 'A brace too many follows.', `${headerText()}}`],
  ['trailing-nul', 'A NUL follows.', `${headerText()}\0`],
  ['comment', 'There is a comment.', headerText('/* comment */')],
  ['cut', 'The last brace is missing.', headerText().slice(0, -1)],
  ['list', 'The header is in a list.', [header()]],
  ['null', 'The header is null.', 'null'],
  ['text', 'The header is a string.', '"ES256"'],
  ['number', 'The header is a number.', '7'],
  ['empty-object', 'The header is an empty object.', '{}'],
  ['random', 'The header is no text at all.', segment(Buffer.alloc(32, 0xa5))],
]

export const JSON_TEXT: Vector[] = [
  ...PAYLOADS.map(
    ([name, why, payload]): Vector => ({
      name: `payload-${name}`,
      why,
      expected: 'token_malformed',
      token: signed(payload),
    }),
  ),
  ...HEADERS.map(
    ([name, why, ownHeader]): Vector => ({
      name: `header-${name}`,
      why,
      expected: 'token_malformed',
      token: signed(claims(), ownHeader),
    }),
  ),
]
