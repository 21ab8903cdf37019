import { REDACTED } from './names.ts'
import { decodedForms } from './percent.ts'
import type { Policy } from './policy.ts'

// A redirect_uri inside a redirect_uri inside a return_to is the deepest that is seen in practice.
export const MAX_NESTING = 3

/** Tells whether the value of a parameter holds a secret by its form. */
export type HoldsSecret = (value: string) => boolean

/** The parameters of a query or a fragment, from its `?` or `#` on. */
export function hideParameters(tail: string, policy: Policy, holdsSecret: HoldsSecret): string {
  return split(tail, /([&#])/, policy, holdsSecret)
}

/** The fields of a form body, where `#` is a character like others. */
export function hideFields(form: string, policy: Policy, holdsSecret: HoldsSecret): string {
  return split(form, /(&)/, policy, holdsSecret)
}

function split(text: string, separator: RegExp, policy: Policy, holdsSecret: HoldsSecret): string {
  return text
    .split(separator)
    .map((part) => hidePart(part, policy, holdsSecret))
    .join('')
}

// `;`, `?` and `#` may begin a parameter or belong to a value. Both readings must be safe: a name is looked for after
// each of them, and what is hidden reaches to the next certain separator.
function hidePart(part: string, policy: Policy, holdsSecret: HoldsSecret): string {
  let shown = ''
  for (const piece of part.split(/([;?#])/)) {
    const equals = piece.indexOf('=')
    const key = piece.slice(0, Math.max(equals, 0))
    if (key !== '' && isSecretKey(key, policy)) {
      const empty = shown.length + piece.length === part.length && equals === piece.length - 1
      return `${shown}${key}=${empty ? '' : REDACTED}`
    }
    const value = piece.slice(equals + 1)
    // A piece that is no parameter is looked at in its place, as text; only what is encoded in it would be missed there.
    const looked = value !== '' && (equals >= 0 || piece.includes('%'))
    shown += looked && holdsSecret(value) ? `${piece.slice(0, equals + 1)}${REDACTED}` : piece
  }
  return shown
}

/** Whether the name of a parameter means a secret, as it is or once it is decoded. */
export function isSecretKey(key: string, policy: Policy): boolean {
  return policy.isSecretInQuery(key) || decodedForms(key).some(policy.isSecretInQuery)
}
