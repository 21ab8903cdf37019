import { claims, good, goodParts, header, segment, signatureOf, signed, type Vector } from './vector.ts'

const [head, body, signature] = goodParts

/** A token whose signature has a character that base64 and base64url write differently. */
function withCharacter(character: string): string {
  for (let jti = 0; ; jti++) {
    const token = signed(claims({ jti: `j-${jti}` }))
    if (token.slice(token.lastIndexOf('.')).includes(character)) return token
  }
}

/** Sets the lowest bit of the last character, which stands for nothing when the length is not a multiple of four. */
function strayBit(text: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return text.slice(0, -1) + alphabet[alphabet.indexOf(text.at(-1) as string) ^ 1]
}

/** Payloads and headers of every length, so that there are bits to spare. */
function uneven(make: (filling: string) => string, part: 0 | 1): string[] {
  const tokens = ['', 'x', 'xx'].map((filling) => make(filling).split('.'))
  return tokens.find((parts) => (parts[part] as string).length % 4 !== 0) as string[]
}
const unevenHeader = uneven((filling) => signed(claims(), header({ filling })), 0)
const unevenPayload = uneven((filling) => signed(claims({ filling })), 1)
const swapped = (token: string, from: string, to: string): string => {
  const at = token.lastIndexOf('.')
  return token.slice(0, at) + token.slice(at).replace(from, to)
}
const hidden = String.fromCharCode(signature.charCodeAt(0) + 0x100) + signature.slice(1)

const ROWS: readonly [string, string, string][] = [
  ['nothing', 'The token is empty.', ''],
  ['one-part', 'There is one part.', body],
  ['two-parts', 'The signature and its dot are missing.', `${head}.${body}`],
  ['four-parts', 'There are four parts.', `${good}.${signature}`],
  ['trailing-dot', 'A dot follows.', `${good}.`],
  ['leading-dot', 'A dot leads.', `.${good}`],
  ['dots-alone', 'There are two dots and nothing else.', '..'],
  ['header-empty', 'The header is empty.', `.${body}.${signature}`],
  ['header-padded', 'The header has base64 padding.', `${head}==.${body}.${signature}`],
  ['payload-padded', 'The payload has base64 padding.', `${head}.${body}=.${signature}`],
  ['signature-padded', 'The signature has base64 padding.', `${good}==`],
  ['signature-plus', "A '+' stands where base64url has '-'.", swapped(withCharacter('-'), '-', '+')],
  ['signature-slash', "A '/' stands where base64url has '_'.", swapped(withCharacter('_'), '_', '/')],
  ['leading-space', 'A space leads.', ` ${good}`],
  ['trailing-space', 'A space follows.', `${good} `],
  ['trailing-line-break', 'A line break follows.', `${good}\n`],
  ['trailing-nul', 'A NUL follows.', `${good}\0`],
  [
    'folded',
    'A line break stands within the payload, as in mail.',
    `${head}.${body.slice(0, 20)}\r\n${body.slice(20)}.${signature}`,
  ],
  [
    'header-stray-bits',
    'The last character of the header has a bit set that stands for nothing.',
    [strayBit(unevenHeader[0] as string), ...unevenHeader.slice(1)].join('.'),
  ],
  [
    'payload-stray-bits',
    'The last character of the payload has a bit set that stands for nothing.',
    [unevenPayload[0], strayBit(unevenPayload[1] as string), unevenPayload[2]].join('.'),
  ],
  [
    'signature-stray-bits',
    'The last character of the signature has a bit set that stands for nothing.',
    `${head}.${body}.${strayBit(signature)}`,
  ],
  ['signature-one-character', 'The signature is one character, which is no whole byte.', `${head}.${body}.A`],
  ['beyond-latin', 'A character whose lower eight bits are the right ones.', `${head}.${body}.${hidden}`],
  ['percent', 'The dots are percent-encoded.', good.replaceAll('.', '%2E')],
  ['full-stop', 'The dots are fullwidth ones.', good.replaceAll('.', '\uff0e')],
  ['quoted', 'The token is in quotes.', `"${good}"`],
  ['bearer', 'The scheme stands before the token.', `Bearer ${good}`],
  ['byte-order-mark', 'A byte order mark leads.', `\ufeff${good}`],
  ['two-tokens', 'Two tokens with a comma between.', `${good},${good}`],
  ['hexadecimal', 'The signature is written in hexadecimal.', `${head}.${body}.${signatureOf(good).toString('hex')}!`],
]

export const ENCODING: Vector[] = [
  ...ROWS.map(([name, why, token]): Vector => ({ name, why, expected: 'token_malformed', token })),
  {
    name: 'too-large',
    why: 'A rightly signed token of more than 65,536 characters.',
    expected: 'token_too_large',
    token: signed(claims({ filling: 'x'.repeat(50_000) })),
  },
  {
    name: 'too-large-signature',
    why: 'The signature is what makes the token larger than 65,536 characters.',
    expected: 'token_too_large',
    token: `${head}.${body}.${segment(Buffer.alloc(60_000))}`,
  },
  { name: 'too-large-dots', why: 'More than 65,536 dots.', expected: 'token_too_large', token: '.'.repeat(70_000) },
  {
    name: 'too-large-for-option',
    why: 'The token is one character longer than the option allows.',
    expected: 'token_too_large',
    token: good,
    options: { maxLength: good.length - 1 },
  },
]
