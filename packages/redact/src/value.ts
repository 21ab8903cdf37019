import { type HeadersLike, hideInHeaders } from './headers.ts'
import { hideInJson, mayBeJson } from './json.ts'
import { isPlural, isPrivateKeyMember, REDACTED } from './names.ts'
import { summarise } from './opaque.ts'
import type { Policy } from './policy.ts'
import { hideInText, hideInUrl } from './text.ts'

// A log line deeper or larger than this helps nobody; without a bound an object graph (a socket, a pool) would stall the
// event loop. What lies beyond is hidden, not shown.
const MAX_DEPTH = 16
const MAX_VISITS = 20_000
const CUT = '<cut>'

const URL_NAME = /^(?:url|uri|href|originalurl|referrer|referer|location|path)$|(?:url|uri)$/i
const HEADERS_NAME = /^(?:raw)?(?:headers|trailers)$/i

interface Walk {
  readonly policy: Policy
  visits: number
  /** Finished copies by their original; `undefined` while the original is still being copied, which is how cycles show. */
  readonly copies: Map<object, unknown>
}

export function hideInValue(value: unknown, policy: Policy): unknown {
  return copy(value, 0, { policy, visits: 0, copies: new Map() })
}

function copy(value: unknown, depth: number, walk: Walk): unknown {
  if (typeof value === 'string') return text(value, depth, walk)
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'symbol') return hideInText(String(value), walk.policy)
  if (typeof value === 'function') return '<function>'
  if (typeof value !== 'object' || value === null) return value
  if (walk.copies.has(value)) return walk.copies.get(value) ?? '<cycle>'
  if (depth >= MAX_DEPTH || walk.visits >= MAX_VISITS) return CUT
  walk.copies.set(value, undefined)
  const done = copyObject(value, depth, walk)
  walk.copies.set(value, done)
  return done
}

function text(value: string, depth: number, walk: Walk): string {
  return hideInJson(value, walk.policy, (parsed) => copy(parsed, depth + 1, walk))
}

function copyObject(value: object, depth: number, walk: Walk): unknown {
  try {
    if (Array.isArray(value)) return copyArray(value, depth, walk)
    if (value instanceof Error) return copyError(value, depth, walk)
    if (value instanceof Map) return copyMap(value, depth, walk)
    if (value instanceof String) return text(String(value), depth, walk)
    if (value instanceof Set) return copyArray([...value], depth, walk)
    const summary = summarise(value, walk.policy)
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
  return walk.visits > MAX_VISITS ? CUT : copy(value, depth + 1, walk)
}

function copyArray(items: readonly unknown[], depth: number, walk: Walk): unknown[] {
  const [name, value] = items
  if (items.length === 2 && typeof name === 'string') return pair(name, value, depth, walk)
  const shown: unknown[] = []
  for (const item of items) {
    shown.push(visit(item, depth, walk))
    if (walk.visits > MAX_VISITS) break
  }
  return shown
}

// A list of two may be an entry: `Object.entries`, raw headers, a map's content. Two words that follow each other are
// rarer, and lose only the second.
function pair(name: string, value: unknown, depth: number, walk: Walk): unknown[] {
  const shown = isHidden(name, value, false, walk.policy) ? REDACTED : visit(value, depth, walk)
  return [visit(name, depth, walk), shown]
}

function copyMembers(value: object, depth: number, walk: Walk): unknown {
  const names = Object.keys(value)
  return copyNamed(names, (name) => read(value, name), depth, walk)
}

function copyNamed(names: readonly string[], of: (name: string) => unknown, depth: number, walk: Walk): unknown {
  const insideKey = names.includes('kty')
  const record = names.includes('value') ? names.find((name) => name === 'name' || name === 'key') : undefined
  const members: [string, unknown][] = []
  for (const name of names) {
    if (walk.visits > MAX_VISITS) return Object.fromEntries([...members, [CUT, CUT]])
    // `{ name: 'DB_PASSWORD', value: 'x' }`: environments, HAR files and forms are written like this.
    const told = record !== undefined && name === 'value' ? String(of(record)) : name
    members.push([shownName(name, walk), member(told, of(name), insideKey, depth, walk)])
  }
  return Object.fromEntries(members)
}

function copyMap(value: Map<unknown, unknown>, depth: number, walk: Walk): unknown {
  const keys = [...value.keys()]
  const named = keys.every((key) => typeof key === 'string')
  return named ? copyNamed(keys, (name) => value.get(name), depth, walk) : copyArray([...value], depth, walk)
}

function copyError(error: Error, depth: number, walk: Walk): unknown {
  const own = copyMembers(error, depth, walk) as Record<string, unknown>
  const told: Record<string, unknown> = {
    type: hideInText(String(error.constructor?.name ?? error.name), walk.policy),
    message: text(String(error.message), depth, walk),
    stack: hideInText(String(error.stack ?? ''), walk.policy),
  }
  if (error.cause !== undefined) told.cause = visit(error.cause, depth, walk)
  if (error instanceof AggregateError) told.errors = visit(error.errors, depth, walk)
  return Object.assign(told, { ...own, ...told })
}

function member(name: string, value: unknown, insideKey: boolean, depth: number, walk: Walk): unknown {
  if (isHidden(name, value, insideKey, walk.policy)) return REDACTED
  if (HEADERS_NAME.test(name)) return headers(value, depth, walk)
  if (typeof value === 'string' && URL_NAME.test(name) && !mayBeJson(value)) return hideInUrl(value, walk.policy)
  return visit(value, depth, walk)
}

// As an object, or as the JSON of one.
function headers(value: unknown, depth: number, walk: Walk): unknown {
  if (typeof value === 'string') {
    return hideInJson(value, walk.policy, (parsed) =>
      typeof parsed === 'string' ? parsed : headers(parsed, depth, walk),
    )
  }
  const fields = typeof value === 'object' && value !== null
  return fields ? hideInHeaders(value as HeadersLike, walk.policy) : visit(value, depth, walk)
}

function isHidden(name: string, value: unknown, insideKey: boolean, policy: Policy): boolean {
  // Whether a secret is set at all may be told, and a plural with a number is a count.
  if (value === undefined || value === null || value === '' || typeof value === 'boolean') return false
  if (typeof value === 'number' && isPlural(name)) return false
  return policy.isSecret(name) || isPrivateKeyMember(name, value, insideKey)
}

function read(value: object, name: string): unknown {
  try {
    return (value as Record<string, unknown>)[name]
  } catch {
    // Only this getter failed; its neighbours can still be told.
    return '<unreadable>'
  }
}

function shownName(name: string, walk: Walk): string {
  return name.length < 5 ? name : hideInText(name, walk.policy)
}
