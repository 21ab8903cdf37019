import { REDACTED } from './names.ts'

// A name helps support, but some frameworks put a state or a nonce into it: what looks random is hidden.
const MAX_NAME = 40
const WORDS = /^[._-]*[A-Za-z0-9]{1,16}(?:[._-]+[A-Za-z0-9]{1,16})*$/
const MAX_DIGITS = 4

// Attributes of RFC 6265bis, each with what its value may look like. A value that does not fit belongs to something
// else, such as a second cookie that was joined with a comma.
const ATTRIBUTES: Readonly<Record<string, RegExp>> = {
  path: /^\/[\w./-]{0,40}$/,
  domain: /^\.?[\w.-]{1,100}$/,
  expires: /^[A-Za-z]{3,9}, \d{1,2}[ -][A-Za-z]{3}[ -]\d{2,4} \d{2}:\d{2}:\d{2} GMT$/,
  'max-age': /^-?\d{1,12}$/,
  samesite: /^(?:lax|strict|none)$/i,
  priority: /^(?:low|medium|high)$/i,
  httponly: /^$/,
  secure: /^$/,
  partitioned: /^$/,
}

/** The value of a Cookie field: names only. */
export function hideCookies(field: string): string {
  return partsOf(field).map(cookie).join('; ')
}

/** The value of a Set-Cookie field: the name and the attributes. */
export function hideSetCookie(field: string): string {
  const [first = '', ...attributes] = partsOf(field)
  return [cookie(first), ...attributes.map(attribute)].join('; ')
}

// A semicolon in quotes is forbidden and does happen; what follows it is not to be taken for a name.
function partsOf(field: string): string[] {
  return (field.match(/(?:[^;"]|"[^"]*(?:"|$))+/g) ?? []).map((part) => part.trim())
}

function cookie(part: string): string {
  const equals = part.indexOf('=')
  if (equals < 0) return REDACTED
  const name = part.slice(0, equals).trim()
  return `${isSafe(name) ? name : REDACTED}=${REDACTED}`
}

function isSafe(name: string): boolean {
  return name.length <= MAX_NAME && WORDS.test(name) && name.replace(/\D/g, '').length <= MAX_DIGITS
}

function attribute(part: string): string {
  const equals = part.indexOf('=')
  const name = equals < 0 ? part : part.slice(0, equals)
  const value = equals < 0 ? '' : part.slice(equals + 1)
  return ATTRIBUTES[name.toLowerCase()]?.test(value) ? part : REDACTED
}
