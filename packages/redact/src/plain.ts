import type { HeadersLike } from './headers.ts'
import type { PinoRedaction, Serializers } from './pino.ts'
import { redactor } from './redactor.ts'

const standard = redactor()

/**
 * A copy of header fields that may be logged. Values of unknown names are hidden, and `allow` names more that may be
 * shown, in any case; of `Authorization` and `Proxy-Authorization` only a registered scheme is left
 * (`Bearer <redacted>`), of cookies their names and attributes; URLs lose their secret parameters; correlation ids stay.
 *
 * Fields without a value are left out, fields that come twice become a list, names are kept as they were written.
 */
export function redactHeaders(
  headers: HeadersLike,
  options?: { readonly allow?: readonly string[] },
): Record<string, string | string[]> {
  return standard.redactHeaders(headers, options)
}

/**
 * Replaces the secrets in a URL or a path with a query: values by the name of their parameter (case-insensitive, also
 * percent-encoded, in the query and in the fragment), the password of the userinfo, anything that looks like a token.
 * URLs inside parameters are treated alike.
 *
 * Never throws, whatever the text; what is no URL is treated as text.
 */
export function redactQuery(url: string): string {
  return standard.redactQuery(url)
}

/** The same for a form body (`application/x-www-form-urlencoded`), which has no `?` before its first field. */
export function redactForm(form: string): string {
  return standard.redactForm(form)
}

/**
 * Replaces every secret that can be told by its form, wherever it stands in a message: JWTs, `sk_live_…`, `whsec_…`,
 * `rkt_…` and the marked keys of well-known issuers, PEM private keys, `Bearer x`, `Basic x`, `DPoP x`, passwords in
 * connection strings, private members of JWKs, and what stands beside a telling name (`client_secret=x`,
 * `"password":"x"`, `?code=x`).
 *
 * Never throws. Takes time linear in the length of the text.
 */
export function redactText(text: string): string {
  return standard.redactText(text)
}

/**
 * A JSON text after `redactValue`: unchanged when it holds no secret, written anew (without its white space, and with
 * the last of duplicate members only) when it does. JSON inside its strings is treated alike. What is no JSON, or was
 * cut off, is treated as text. More than 100,000 characters become `<123456 characters>`. Never throws.
 */
export function redactJson(text: string): string {
  return standard.redactJson(text)
}

/**
 * A request's or an answer's body by its content type: JSON, JSON lines, forms, multipart forms (fields by their names,
 * of files the size alone) and text. Everything else is `<512 bytes>` or `<512 characters>`, as is what is longer than
 * 100,000 or in a charset other than UTF-8, Latin-1 and ASCII. Without a content type a string is treated as JSON or
 * text, bytes as bytes.
 *
 * A body that was parsed already passes through `redactValue`, and nothing (`undefined`, `null`) stays nothing.
 */
export function redactBody(body: unknown, contentType?: string | null): unknown {
  return standard.redactBody(body, contentType)
}

/**
 * A deep copy of any value that may be logged: members with secret names are hidden whole, strings lose their tokens,
 * members called `headers` and `url` are treated as what they are, private members of JWKs are hidden, JSON in strings
 * is looked into. An Error becomes `{type, message, stack, code, cause, …}`, a Map an object (or pairs when its keys
 * are no strings), a Set an array, a Buffer its size, a key object its type. Cycles become `<cycle>`, what is beyond
 * 16 levels or 20,000 members `<cut>`.
 *
 * The argument is not changed. Never throws: a getter that does becomes `<unreadable>`.
 */
export function redactValue(value: unknown): unknown {
  return standard.redactValue(value)
}

/**
 * A finished line of a log, for loggers without hooks: when it is JSON, `redactValue` of it on one line, otherwise
 * `redactText`. The end of the line stays. Never throws.
 */
export function redactLine(line: string): string {
  return standard.redactLine(line)
}

/** Serializers for pino, or any logger that takes serializers, where `pinoRedaction` is more than is wanted. */
export const serializers: Serializers = standard.serializers

/**
 * Options for pino with which everything that is logged passes through `redactValue` and `redactText`: merged objects,
 * messages with their arguments, errors and the messages that pino takes from them, what a mixin adds, and the bindings
 * of child loggers. Correlation ids stay. Use: `pino({ ...pinoRedaction(), level: 'info' })`.
 */
export function pinoRedaction(): PinoRedaction {
  return standard.pinoRedaction()
}
