import { hideInHeaders } from './headers.ts'
import type { Policy } from './policy.ts'
import { hideInForm, hideInUrl } from './text.ts'

/** What is told of an object instead of its members: harmless already (`final`), or members that are still to be redacted. */
export type Summary =
  | { readonly final: true; readonly value: object | string | null }
  | { readonly final: false; readonly value: object }

/** Objects whose members are not to be walked: bytes, keys, URLs, HTTP messages, streams. `undefined` for all others. */
export function summarise(value: object, policy: Policy): Summary | undefined {
  const bytes = sizeInBytes(value)
  if (bytes !== undefined) return { value: `<${bytes} bytes>`, final: true }
  if (value instanceof Date) return { value: Number.isNaN(value.getTime()) ? null : value.toISOString(), final: true }
  if (value instanceof RegExp) return { value: '<pattern>', final: true }
  if (value instanceof URL) return { value: hideInUrl(value.href, policy), final: true }
  if (value instanceof URLSearchParams) return { value: hideInForm(String(value), policy), final: true }
  if (value instanceof Headers) return { value: hideInHeaders(value, policy), final: true }
  if (value instanceof Promise) return { value: '<promise>', final: true }
  if (isKey(value)) return { value: `<${value.type} key>`, final: true }
  return messageOrStream(value as Record<string, unknown>)
}

function sizeInBytes(value: object): number | undefined {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
    return value.byteLength
  }
  // What Buffer's own toJSON makes of itself: bytes in disguise.
  const json = value as { type?: unknown; data?: unknown }
  if (json.type === 'Buffer' && Array.isArray(json.data)) return json.data.length
  return undefined
}

// KeyObject and CryptoKey, told by their form: importing node:crypto would tie the package to one runtime.
function isKey(value: object): value is { type: string } {
  const name = value.constructor?.name ?? ''
  return /KeyObject$|^CryptoKey$/.test(name) && 'type' in value
}

function messageOrStream(value: Record<string, unknown>): Summary | undefined {
  if (typeof value.method === 'string' && typeof value.url === 'string' && 'headers' in value) {
    const { id, method, url, headers } = value
    const remoteAddress = value.ip ?? value.remoteAddress ?? addressOf(value.socket)
    return { value: { id, method, url, headers, remoteAddress }, final: false }
  }
  if (typeof value.statusCode === 'number' && typeof value.getHeaders === 'function') {
    return { value: { statusCode: value.statusCode, headers: value.getHeaders() }, final: false }
  }
  const live = typeof value.on === 'function' && typeof value.emit === 'function'
  return live ? { value: `<${value.constructor?.name ?? 'emitter'}>`, final: true } : undefined
}

function addressOf(socket: unknown): unknown {
  return (socket as { remoteAddress?: unknown } | undefined)?.remoteAddress
}
