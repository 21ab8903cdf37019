import { hideCookies, hideSetCookie } from './cookies.ts'
import { REDACTED } from './names.ts'
import type { Policy } from './policy.ts'
import { hideInText, hideInUrl } from './text.ts'

/** Header fields as they come from `node:http` (also `rawHeaders`), from `fetch`, as pairs, or as `{name, value}`. */
export type HeadersLike =
  | Iterable<readonly [string, string]>
  | readonly string[]
  | readonly { readonly name: string; readonly value: string }[]
  | Readonly<Record<string, string | readonly string[] | number | undefined>>

// Shown as they are (but for tokens by shape). Every other value is hidden: a proxy, a gateway or a customer may
// carry a credential under a name that nobody here has heard of.
const SHOWN = new Set([
  ...['accept', 'accept-charset', 'accept-encoding', 'accept-language', 'accept-ranges', 'age', 'allow'],
  ...['access-control-allow-credentials', 'access-control-allow-headers', 'access-control-allow-methods'],
  ...['access-control-allow-origin', 'access-control-expose-headers', 'access-control-max-age'],
  ...['access-control-request-headers', 'access-control-request-method', 'cache-control', 'connection'],
  ...['content-disposition', 'content-encoding', 'content-language', 'content-length', 'content-range', 'content-type'],
  ...['date', 'deprecation', 'etag', 'expect', 'expires', 'forwarded', 'host', 'if-match', 'if-modified-since'],
  ...['if-none-match', 'if-unmodified-since', 'keep-alive', 'last-event-id', 'last-modified', 'pragma', 'range'],
  ...['ratelimit', 'ratelimit-policy', 'retry-after', 'sec-fetch-dest', 'sec-fetch-mode', 'sec-fetch-site', 'server'],
  ...['server-timing', 'strict-transport-security', 'sunset', 'te', 'traceparent', 'trailer', 'transfer-encoding'],
  ...['upgrade', 'user-agent', 'vary', 'via', 'www-authenticate', 'x-correlation-id', 'x-forwarded-for'],
  ...['x-forwarded-host', 'x-forwarded-port', 'x-forwarded-proto', 'x-real-ip', 'x-request-id'],
  ...[':authority', ':method', ':scheme', ':status'],
])
const URLS = new Set([
  'location',
  'content-location',
  'origin',
  'referer',
  'x-forwarded-uri',
  'x-original-uri',
  ':path',
])

type Field = (value: string, policy: Policy) => string
const OWN_RULES = new Map<string, Field>([
  ['authorization', credential],
  ['proxy-authorization', credential],
  ['cookie', hideCookies],
  ['set-cookie', hideSetCookie],
])

// Only these are shown: a value without a scheme would otherwise be taken for one and printed.
const SCHEME = /^\s*(basic|bearer|digest|dpop|mutual|negotiate|hoba|scram-sha-256)\s/i

export function hideInHeaders(headers: HeadersLike, policy: Policy): Record<string, string | string[]> {
  const fields = new Map<string, string | string[]>()
  for (const [name, value] of pairsOf(headers)) {
    if (value === undefined) continue
    const shown = Array.isArray(value) ? value.map((one) => field(name, one, policy)) : field(name, value, policy)
    const key = hideInText(name, policy)
    const earlier = fields.get(key)
    fields.set(key, earlier === undefined ? shown : [earlier, shown].flat())
  }
  return Object.fromEntries(fields)
}

function pairsOf(headers: HeadersLike): [string, unknown][] {
  if (typeof headers !== 'object' || headers === null) return []
  if (!(Symbol.iterator in headers)) return Object.entries(headers)
  const items: unknown[] = [...headers]
  if (!items.every((item) => typeof item === 'string')) return items.flatMap(pairOf)
  return Array.from({ length: Math.ceil(items.length / 2) }, (_, i) => [String(items[2 * i]), items[2 * i + 1]])
}

// What is neither a pair nor a record of name and value is left out: nothing tells what it is.
function pairOf(item: unknown): [string, unknown][] {
  if (Array.isArray(item)) return item.length === 2 ? [[String(item[0]), item[1]]] : []
  if (typeof item !== 'object' || item === null || !('name' in item && 'value' in item)) return []
  return [[String(item.name), item.value]]
}

function field(name: string, value: unknown, policy: Policy): string {
  const text = String(value)
  const key = name.toLowerCase()
  const rule = OWN_RULES.get(key)
  if (rule !== undefined) return rule(text, policy)
  if (URLS.has(key)) return hideInUrl(text, policy)
  return SHOWN.has(key) || policy.allowedHeaders.has(key) ? hideInText(text, policy) : REDACTED
}

function credential(value: string): string {
  const scheme = SCHEME.exec(value)?.[1]
  return scheme === undefined ? REDACTED : `${scheme} ${REDACTED}`
}
