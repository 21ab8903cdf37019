import { hideInBody, isForm, sizeOf } from './body.ts'
import { hideInHeaders } from './headers.ts'
import { hideInJson, MAX_BODY } from './json.ts'
import { hideInLine } from './line.ts'
import { pinoRedactionBy, serializersBy } from './pino.ts'
import type * as plain from './plain.ts'
import { alsoAllowing, type Policy, policyOf, type RedactOptions } from './policy.ts'
import { hideInForm, hideInText, hideInUrl } from './text.ts'
import { hideInValue } from './value.ts'

/** The functions of this package, under the same names, by options of one's own. */
export type Redactor = Readonly<typeof plain>

/**
 * The functions of this package by options of one's own, made once and used everywhere:
 * `export const { redactHeaders, redactJson, pinoRedaction } = redactor({ secretNames: ['nationalId'] })`.
 * Throws a TypeError for options that are no lists of names.
 */
export function redactor(options: RedactOptions = {}): Redactor {
  const policy = policyOf(options)
  return {
    redactHeaders: (headers, { allow = [] } = {}) => hideInHeaders(headers, alsoAllowing(policy, allow)),
    redactQuery: (url) => hideInUrl(textOf(url), policy),
    redactForm: (form) => hideInForm(textOf(form), policy),
    redactText: (text) => hideInText(textOf(text), policy),
    redactJson: (text) => json(textOf(text), policy),
    redactBody: (body, contentType) => anyBody(body, contentType ?? '', policy),
    redactValue: (value) => hideInValue(value, policy),
    redactLine: (line) => hideInLine(textOf(line), policy),
    serializers: serializersBy(policy),
    pinoRedaction: () => pinoRedactionBy(policy),
  }
}

/** A logger is given anything: what is no text becomes one, rather than an error in the place of a line. */
function textOf(given: unknown): string {
  if (typeof given === 'string') return given
  try {
    return String(given)
  } catch {
    // It has a toString of its own, which threw, or none.
    return '<unreadable>'
  }
}

function json(text: string, policy: Policy): string {
  return text.length > MAX_BODY ? sizeOf(text) : hideInJson(text, policy, (value) => hideInValue(value, policy))
}

function anyBody(body: unknown, contentType: string, policy: Policy): unknown {
  if (typeof body === 'string' || body instanceof Uint8Array) {
    return hideInBody(body, contentType, policy, (text) => json(text, policy))
  }
  // Parsed already. The short names of a form (`code`, `state`) mean a secret as they do in a query.
  return hideInValue(body, isForm(contentType) ? { ...policy, isSecret: policy.isSecretInQuery } : policy)
}
