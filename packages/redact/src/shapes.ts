import { REDACTED } from './names.ts'

/** One sort of secret that can be told by its form, whatever stands around it. */
export interface Shape {
  readonly name: string
  /** Global. Every quantifier that can fail late is bounded: a sender chooses the text, and must not choose the time. */
  readonly pattern: RegExp
  readonly replace: (match: string, ...groups: string[]) => string
}

// What may follow the word Bearer or Basic in prose and in challenges (RFC 6750 section 3) without being a credential:
// a credential has `=` only at its end, an auth-param in its middle.
const PROSE =
  /^(?:tokens?|auth|authentication|authorization|credentials?|scheme|schemes|challenge|header|headers|and|or|is|was|are|not|with|realm=|error=|error_description=|error_uri=|scope=|nonce=|resource_metadata=|[a-z_]+=[^=].*)[.,;:]*$/i

/** Whole blocks and credentials with their schemes: before anything else looks at parts of them. */
export const BLOCKS: readonly Shape[] = [
  {
    name: 'PEM private key, also one that was cut off',
    pattern:
      /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g,
    replace: () => REDACTED,
  },
  {
    name: 'PEM in base64',
    pattern: /LS0tLS1CRUdJTi[A-Za-z0-9+/=_-]+/g,
    replace: () => REDACTED,
  },
  {
    name: 'password in the userinfo of a URL',
    // Up to the last @ of the authority; failing that to the first @ beyond it, for passwords with a raw slash.
    pattern: /(:\/\/[^\s:/?#@"<>[]{0,256}:)(?!\d{1,5}[/?#])(?!<redacted>@)(?:[^\s/?#"<>]{1,512}@|[^\s"<>]{1,512}?@)/g,
    replace: (_match, before = '') => `${before}${REDACTED}@`,
  },
  {
    name: 'header line',
    pattern:
      /(?<![a-z0-9])((?:set-cookie|cookie|x-api-key)\s{0,3}:|(?:proxy-)?authorization\s{0,3}:(?!\s{0,3}(?:bearer|basic|dpop)\b))\s{0,3}(?![\s"'`[{\\]|<redacted>)[^\r\n]+/gi,
    replace: (_match, before = '') => `${before} ${REDACTED}`,
  },
  {
    name: 'credential after its scheme',
    pattern: /\b(bearer|basic|dpop)((?:\s|%20){1,8})([A-Za-z0-9._~+/=-][^\s"'`<>\\]*)/gi,
    replace: (match, scheme = '', space = '', word = '') =>
      PROSE.test(word) ? match : `${scheme}${space}${REDACTED}${closing(word)}`,
  },
  {
    name: 'password in a statement of SQL',
    // Not `password = '…'`: that is a telling name like any other.
    pattern:
      /\b((?:password|identified\s{1,4}(?:with\s{1,4}[\w"'`]{1,60}\s{1,4})?by)\s{1,4}N?|password\s{0,4}=\s{0,4}(?:password\s{0,2}\(\s{0,2}|N)|password\s{1,4}for\s{1,4}[^\s=]{1,80}\s{0,4}=\s{0,4})(?:'(?!<redacted>)(?:[^']|''){1,256}(?:'|$)|"(?!<redacted>)[^"]{1,256}(?:"|$))/gi,
    replace: (_match, before = '') => `${before}'${REDACTED}'`,
  },
  {
    name: 'element of XML with a telling name',
    pattern:
      /(<[\w.:-]{0,60}(?:password|passwd|passphrase|secret|token|credential|(?:api|signing|private|secret|access)[_-]?key)s?(?:\s[^<>]{0,200})?>(?:<!\[CDATA\[)?)[^<>]{1,512}(?=<\/|\]\]>)/gi,
    replace: (_match, before = '') => `${before}${REDACTED}`,
  },
  {
    name: 'secret access key of AWS beside its id',
    pattern:
      /(?<![A-Za-z0-9])((?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9])[^\r\n<]{1,80}?(?<![A-Za-z0-9/+]))(?![0-9a-f]{40})[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/g,
    replace: (_match, before = '') => `${before}${REDACTED}`,
  },
]

/** Values without spaces, wherever they are left after that. */
export const WORDS: readonly Shape[] = [
  {
    name: 'private member of a JWK',
    pattern:
      /((?<![\w$.-])(?:\\{0,7}["'])?(?:d|p|q|dp|dq|qi|k|priv)(?:\\{0,7}["'])?\s{0,3}:\s{0,3}\\{0,7}["'])[A-Za-z0-9_-]{16,}={0,2}/g,
    replace: (_match, before = '') => `${before}${REDACTED}`,
  },
  {
    name: 'JWS, JWE or SD-JWT',
    // One run of the alphabet is taken at once and searched in the callback: linear, where an unanchored
    // "eyJ…" would be tried again from every "eyJ" of a long run.
    pattern: /[A-Za-z0-9_.~-]{16,}/g,
    replace: hideCompactToken,
  },
]

// `{"`, `{ `, `{\n` and `{\r` in base64url: how the header of every JOSE object begins.
const HEADER_START = /ey[JA]|ewo|ew0/g
const HEADER = /^\{\s*"[ -~\s]*$/
// Enough to tell a header from a word like `keyJson`; more would let a run of "eyJeyJ…" cost the square of its length.
const LOOKED_AT = 16
const SHORTEST = 8

function hideCompactToken(run: string): string {
  for (const { index } of run.matchAll(HEADER_START)) {
    const dot = run.indexOf('.', index)
    if (dot < 0 || dot === run.length - 1) return run
    if (dot < index + SHORTEST || !isHeader(run.slice(index, Math.min(dot, index + LOOKED_AT)))) continue
    const end = run.endsWith('.') && !run.endsWith('..') && run.split('.').length > 3 ? '.' : ''
    return `${run.slice(0, index)}${REDACTED}${end}`
  }
  return run
}

function isHeader(text: string): boolean {
  return HEADER.test(Buffer.from(text, 'base64url').toString('latin1'))
}

// What ends a sentence or a bracket after a credential belongs to the text.
function closing(word: string): string {
  return /[),.;:\]}]{0,8}$/.exec(word)?.[0] ?? ''
}
