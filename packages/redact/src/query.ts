import { isSecretQueryName, REDACTED } from './names.ts'
import { decodedForms } from './percent.ts'
import { redactText } from './text.ts'

// A redirect_uri inside a redirect_uri inside a return_to is the deepest that is seen in practice.
const MAX_NESTING = 3
const FIRST_PARAMETERS = /[?#]/

/**
 * Replaces the secrets in a URL or a path with a query: values by the name of their parameter (case-insensitive, also
 * percent-encoded, in the query and in the fragment), the password of the userinfo, anything that looks like a token.
 * URLs inside parameters are treated alike.
 *
 * Never throws, whatever the text; what is no URL is treated as text.
 */
export function redactQuery(url: string): string {
  return redactNested(url, 0)
}

function redactNested(url: string, nesting: number): string {
  const at = url.search(FIRST_PARAMETERS)
  if (at < 0) return redactText(url)
  const head = redactText(url.slice(0, at))
  const tail = url
    .slice(at)
    .split(/([?&#;])/)
    .map((part) => redactParameter(part, nesting))
    .join('')
  return redactText(head + tail)
}

function redactParameter(part: string, nesting: number): string {
  const equals = part.indexOf('=')
  if (equals < 0) return redactText(part)
  const key = part.slice(0, equals)
  const value = part.slice(equals + 1)
  if (value === '') return part
  if (decodedForms(key).some(isSecretQueryName)) return `${key}=${REDACTED}`
  return hidesSecret(value, nesting) ? `${key}=${REDACTED}` : part
}

function hidesSecret(value: string, nesting: number): boolean {
  if (nesting >= MAX_NESTING) return true
  return decodedForms(value).some((form) => redactNested(form, nesting + 1) !== form)
}
