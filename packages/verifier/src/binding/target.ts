/** RFC 3986 §2: what a URI is written with. A URL parser would repair, and so equate, much that is none. */
const URI = /^https?:\/\/(?![/?#])[\w\-.~:/?#[\]@!$&'()*+,;=%|^`{}"<>]+$/i
const UNRESERVED = /[A-Za-z0-9\-._~]/

/** RFC 3986 §6.2.2.1 and §6.2.2.2: escapes in upper case, and none for what needs none. */
function normalEscape(escaped: string): string {
  const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
  return UNRESERVED.test(character) ? character : escaped.toUpperCase()
}

/**
 * The URI of a request without query and fragment (RFC 9449 §4.2), normalised as RFC 3986 §6.2.2 and §6.2.3 have it:
 * scheme and host in lower case, dot segments and the default port removed, an empty path written as `/`. Undefined
 * for anything but an absolute http or https URI without user information (RFC 9110 §4.2.4).
 */
export function normalTarget(uri: unknown): string | undefined {
  if (typeof uri !== 'string' || !URI.test(uri) || !URL.canParse(uri)) return undefined
  const { origin, username, password, pathname } = new URL(uri)
  if (username !== '' || password !== '') return undefined
  return origin + pathname.replace(/%[0-9a-f]{2}/gi, normalEscape)
}
