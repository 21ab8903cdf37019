import { type HeadersLike, redactHeaders } from './headers.ts'
import { isPlural, isPrivateKeyMember, isSecretName, REDACTED } from './names.ts'
import { summarise } from './opaque.ts'
import { redactQuery } from './query.ts'
import { redactText } from './text.ts'

// A log line deeper or larger than this helps nobody; without a bound an object graph (a socket, a pool) would stall the
// event loop. What lies beyond is hidden, not shown.
const MAX_DEPTH = 16
const MAX_VISITS = 20_000

const URL_NAME = /^(?:url|uri|href|originalurl|referrer|referer|location|path)$|(?:url|uri)$/i

interface Walk {
  visits: number
  /** Finished copies by their original; `undefined` while the original is still being copied, which is how cycles show. */
  readonly copies: Map<object, unknown>
}

/**
 * A deep copy of any value that may be logged: members with secret names are hidden whole, strings lose their tokens,
 * members called `headers` and `url` are treated as what they are, private members of JWKs are hidden. An Error becomes
 * `{type, message, stack, code, cause, …}`, a Map an object (or pairs when its keys are no strings), a Set an array,
 * a Buffer its size, a key object its type. Cycles become `<cycle>`, what is beyond 16 levels or 20,000 members `<cut>`.
 *
 * The argument is not changed. Never throws: a getter that does becomes `<unreadable>`.
 */
export function redactValue(value: unknown): unknown {
  return copy(value, 0, { visits: 0, copies: new Map() })
}

function copy(value: unknown, depth: number, walk: Walk): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'symbol') return redactText(String(value))
  if (typeof value === 'function') return '<function>'
  if (typeof value !== 'object' || value === null) return value
  if (walk.copies.has(value)) return walk.copies.get(value) ?? '<cycle>'
  if (depth >= MAX_DEPTH || walk.visits >= MAX_VISITS) return '<cut>'
  walk.copies.set(value, undefined)
  const done = copyObject(value, depth, walk)
  walk.copies.set(value, done)
  return done
}

function copyObject(value: object, depth: number, walk: Walk): unknown {
  try {
    if (Array.isArray(value)) return value.map((item) => visit(item, depth, walk))
    if (value instanceof Error) return copyError(value, depth, walk)
    if (value instanceof Map) return copyMap(value, depth, walk)
    if (value instanceof Set) return [...value].map((item) => visit(item, depth, walk))
    const summary = summarise(value)
    if (summary !== undefined) return summary.final ? summary.value : copyMembers(summary.value, depth, walk)
    if ('toJSON' in value && typeof value.toJSON === 'function') return copy(value.toJSON(), depth + 1, walk)
    return copyMembers(value, depth, walk)
  } catch {
    // A proxy, a getter or a toJSON of somebody else's threw. The line must still be written, and without the value.
    return '<unreadable>'
  }
}

function visit(value: unknown, depth: number, walk: Walk): unknown {
  walk.visits += 1
  if (walk.visits >= MAX_VISITS) return '<cut>'
  return copy(value, depth + 1, walk)
}

function copyMembers(value: object, depth: number, walk: Walk): unknown {
  const insideKey = 'kty' in value
  const members: [string, unknown][] = []
  for (const name of Object.keys(value)) {
    members.push([shownName(name), member(name, read(value, name), insideKey, depth, walk)])
  }
  return Object.fromEntries(members)
}

function copyMap(value: Map<unknown, unknown>, depth: number, walk: Walk): unknown {
  const named = [...value.keys()].every((key) => typeof key === 'string')
  if (!named) return [...value].map((pair) => visit(pair, depth, walk))
  const insideKey = value.has('kty')
  return Object.fromEntries(
    [...value].map(([name, item]) => [shownName(name as string), member(name as string, item, insideKey, depth, walk)]),
  )
}

function copyError(error: Error, depth: number, walk: Walk): unknown {
  const own = copyMembers(error, depth, walk) as Record<string, unknown>
  const told: Record<string, unknown> = {
    type: redactText(String(error.constructor?.name ?? error.name)),
    message: redactText(String(error.message)),
    stack: redactText(String(error.stack ?? '')),
  }
  if (error.cause !== undefined) told.cause = visit(error.cause, depth, walk)
  if (error instanceof AggregateError) told.errors = visit(error.errors, depth, walk)
  return Object.assign(told, { ...own, ...told })
}

function member(name: string, value: unknown, insideKey: boolean, depth: number, walk: Walk): unknown {
  if (isHidden(name, value, insideKey)) return REDACTED
  if (typeof value === 'string') return URL_NAME.test(name) ? redactQuery(value) : redactText(value)
  if (/^(?:raw)?headers$/i.test(name) && typeof value === 'object' && value !== null) return headers(value)
  return visit(value, depth, walk)
}

function isHidden(name: string, value: unknown, insideKey: boolean): boolean {
  // Whether a secret is set at all may be told, and a plural with a number is a count.
  if (value === undefined || value === null || value === '' || typeof value === 'boolean') return false
  if (typeof value === 'number' && isPlural(name)) return false
  return isSecretName(name) || isPrivateKeyMember(name, value, insideKey)
}

function headers(value: object): unknown {
  if (!Array.isArray(value)) return redactHeaders(value as HeadersLike)
  // node:http's rawHeaders: names and values by turns.
  const pairs = value.every((item) => typeof item === 'string') ? groupInTwos(value) : value
  return redactHeaders(pairs.filter((pair) => Array.isArray(pair) && pair.length === 2))
}

function groupInTwos(flat: readonly string[]): [string, string][] {
  return Array.from({ length: Math.ceil(flat.length / 2) }, (_, i) => [flat[2 * i] ?? '', flat[2 * i + 1] ?? ''])
}

function read(value: object, name: string): unknown {
  try {
    return (value as Record<string, unknown>)[name]
  } catch {
    // Only this getter failed; its neighbours can still be told.
    return '<unreadable>'
  }
}

function shownName(name: string): string {
  return name.length < 12 ? name : redactText(name)
}
