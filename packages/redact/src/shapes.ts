import { isSecretQueryName, REDACTED } from './names.ts'
import { decodedForms } from './percent.ts'

/** One sort of secret that can be told by its form, whatever stands around it. */
export interface Shape {
  readonly name: string
  /** Global. Every quantifier that can fail late is bounded: a sender chooses the text, and must not choose the time. */
  readonly pattern: RegExp
  readonly replace: (match: string, ...groups: string[]) => string
}

const NAMES =
  'passw(?:or)?d|passphrase|secret|token|assertion|api[_-]?key|private[_-]?key|secret[_-]?key|root[_-]?key|access[_-]?key|encryption[_-]?key|code[_-]?verifier|(?<![a-z0-9])(?:pwd|otp|authorization|cookie)'
const OPEN_QUOTE = '\\\\{0,3}["\']'
const UNQUOTED = '(?!(?:null|true|false|undefined)\\b)[^\\s&;,"\'\\\\<>[{}\\])][^\\s&;,"\'\\\\<>}\\])]*'

// What may follow the word Bearer or Basic in prose and in challenges (RFC 6750 section 3) without being a credential:
// a credential has `=` only at its end, an auth-param in its middle.
const PROSE =
  /^(?:tokens?|auth|authentication|authorization|credentials?|scheme|schemes|challenge|header|headers|and|or|is|was|are|not|with|realm=|error=|error_description=|error_uri=|scope=|nonce=|resource_metadata=|[a-z_]+=[^=].*)[.,;:]*$/i

export const SHAPES: readonly Shape[] = [
  {
    name: 'PEM private key, also one that was cut off',
    pattern: /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|$)/g,
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
    pattern: /(:\/\/[^\s:/?#@"<>]{0,256}:)(?!\d{1,5}[/?#])(?!<redacted>@)(?:[^\s/?#"<>]{1,512}@|[^\s"<>]{1,512}?@)/g,
    replace: (_match, before = '') => `${before}${REDACTED}@`,
  },
  {
    name: 'header line',
    pattern:
      /(?<![a-z0-9])((?:set-cookie|cookie|x-api-key)['"]?\s{0,3}:|(?:proxy-)?authorization['"]?\s{0,3}:(?!\s{0,3}\\{0,3}['"]?\s{0,3}(?:bearer|basic|dpop)\b))\s{0,3}(?!\s|['"]?<redacted>)[^\r\n]+/gi,
    replace: (_match, before = '') => `${before} ${REDACTED}`,
  },
  {
    name: 'credential after its scheme',
    pattern: /\b(bearer|basic|dpop)((?:\s|%20){1,8})([A-Za-z0-9._~+/=-]+)/gi,
    replace: (match, scheme = '', space = '', word = '') => (PROSE.test(word) ? match : `${scheme}${space}${REDACTED}`),
  },
  {
    name: 'member or parameter with a telling name, quoted',
    pattern: new RegExp(
      `((?:${NAMES})s?(?:${OPEN_QUOTE})?\\s{0,3}[=:]\\s{0,3})(${OPEN_QUOTE})[\\s\\S]*?(?:\\2|$)`,
      'gi',
    ),
    replace: (_match, before = '', quote = '') => `${before}${quote}${REDACTED}${quote}`,
  },
  {
    name: 'member or parameter with a telling name',
    pattern: new RegExp(`((?:${NAMES})s?(?:${OPEN_QUOTE}\\s{0,3}[=:]|\\s{0,3}=)\\s{0,3})${UNQUOTED}`, 'gi'),
    replace: (_match, before = '') => `${before}${REDACTED}`,
  },
  {
    name: 'query parameter',
    pattern: /([?&#;])([^=?&#;\s"'<>]{1,80})=([^&#;\s"'<>]+)/g,
    replace: (match, before = '', key = '') =>
      decodedForms(key).some(isSecretQueryName) ? `${before}${key}=${REDACTED}` : match,
  },
  {
    name: 'private member of a JWK',
    pattern: /(["']\\{0,3}(?:d|p|q|dp|dq|qi|k|priv)\\{0,3}["']\s{0,3}:\s{0,3}\\{0,3}["'])[A-Za-z0-9_-]{16,}={0,2}/g,
    replace: (_match, before = '') => `${before}${REDACTED}`,
  },
  {
    name: 'client secret, webhook secret or opaque token by its prefix',
    pattern: /(?:[sr]k_(?:live|test)_|whsec_|rkt_)[A-Za-z0-9+/_-]{8,}={0,2}/g,
    replace: (match) => `${match.slice(0, match.indexOf('_') + 1)}${REDACTED}`,
  },
  {
    name: 'JWS or JWE',
    // One run of the alphabet is taken at once and searched in the callback: linear, where an unanchored
    // "eyJ…" would be tried again from every "eyJ" of a long run.
    pattern: /[A-Za-z0-9_.-]{16,}/g,
    replace: redactCompactToken,
  },
]

// `{"`, `{ `, `{\n` and `{\r` in base64url: how the header of every JOSE object begins.
const HEADER_START = /ey[JA]|ewo|ew0/

function redactCompactToken(run: string): string {
  const start = run.search(HEADER_START)
  if (start < 0) return run
  const dot = run.indexOf('.', start)
  if (dot < start + 8 || dot === run.length - 1) return run
  const end = run.endsWith('.') && !run.endsWith('..') && run.split('.').length > 3 ? '.' : ''
  return `${run.slice(0, start)}${REDACTED}${end}`
}
