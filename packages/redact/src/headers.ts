import { isSecretName, REDACTED } from './names.ts'
import { redactQuery } from './query.ts'
import { redactText } from './text.ts'

/** Header fields as they come from `node:http`, from `fetch` or as pairs. */
export type HeadersLike =
  | Iterable<readonly [string, string]>
  | Readonly<Record<string, string | readonly string[] | number | undefined>>

// Shown as they are (but for tokens by shape). Every other value is hidden: a proxy, a gateway or a customer may
// carry a credential under a name that nobody here has heard of.
const SHOWN = new Set([
  ...['accept', 'accept-charset', 'accept-encoding', 'accept-language', 'accept-ranges', 'age', 'allow'],
  ...['cache-control', 'connection', 'content-disposition', 'content-encoding', 'content-language', 'content-length'],
  ...['content-type', 'date', 'etag', 'expect', 'expires', 'forwarded', 'host', 'if-match', 'if-modified-since'],
  ...['if-none-match', 'if-unmodified-since', 'keep-alive', 'last-event-id', 'last-modified', 'pragma', 'range'],
  ...['retry-after', 'sec-fetch-dest', 'sec-fetch-mode', 'sec-fetch-site', 'server', 'server-timing', 'te'],
  ...['traceparent', 'transfer-encoding', 'upgrade', 'user-agent', 'vary', 'via', 'www-authenticate'],
  ...['x-correlation-id', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-port', 'x-forwarded-proto'],
  ...['x-real-ip', 'x-request-id'],
])
const URLS = new Set(['location', 'content-location', 'origin', 'referer'])
const CREDENTIALS = new Set(['authorization', 'proxy-authorization'])

// Only these are shown: a value without a scheme would otherwise be taken for one and printed.
const SCHEME = /^\s*(basic|bearer|digest|dpop|mutual|negotiate|hoba|scram-sha-256)\s/i

/**
 * A copy of header fields that may be logged. Values of unknown names are hidden; of `Authorization` and
 * `Proxy-Authorization` only a registered scheme is left (`Bearer <redacted>`); URLs lose their secret parameters;
 * correlation ids stay. Fields without a value are left out; names are kept as they were written. Never throws.
 */
export function redactHeaders(headers: HeadersLike): Record<string, string | string[]> {
  const fields: [string, string | string[]][] = []
  for (const [name, value] of pairs(headers)) {
    if (value === undefined) continue
    const shown = Array.isArray(value) ? value.map((one) => field(name, String(one))) : field(name, String(value))
    fields.push([redactText(name), shown])
  }
  return Object.fromEntries(fields)
}

function pairs(headers: HeadersLike): Iterable<readonly [string, unknown]> {
  return Symbol.iterator in headers ? (headers as Iterable<readonly [string, string]>) : Object.entries(headers)
}

function field(name: string, value: string): string {
  const key = name.toLowerCase()
  if (CREDENTIALS.has(key)) return credential(value)
  if (URLS.has(key)) return redactQuery(value)
  if (!SHOWN.has(key) || isSecretName(key)) return REDACTED
  return redactText(value)
}

function credential(value: string): string {
  const scheme = SCHEME.exec(value)?.[1]
  return scheme === undefined ? REDACTED : `${scheme} ${REDACTED}`
}
