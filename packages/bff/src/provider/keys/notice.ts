/** Tells the identity provider of this client's key set. */
import { redactLine } from '@rekey/redact'
import type { JwkSet } from '@rekey/registration'
import type { Logger } from 'pino'
import type { NoticeSettings } from '../../config/client-keys.ts'

const timeoutMs = 10_000
const mostToldOf = 300

/** Whether the identity provider is known to have every key, or why not. */
export type Noticed = { readonly hasAll: true } | { readonly hasAll: false; readonly why: string }

/**
 * `PUT` of the set, answered by the set as it is stored. Where the provider fetches the keys from an address, a `PUT` would end that: an
 * empty `POST` has them fetched at once instead.
 * What it answers instead is told without whatever looks like a secret.
 */
export function noticing(
  { url, token }: NoticeSettings,
  { isByAddress, fetch, log }: { isByAddress: boolean; fetch: typeof globalThis.fetch; log: Pick<Logger, 'warn'> },
) {
  const headers = () => ({ authorization: `Bearer ${token.current()}`, accept: 'application/json' })
  const send = (method: 'PUT' | 'POST', set?: JwkSet) =>
    fetch(url, {
      method,
      headers: { ...headers(), ...(set === undefined ? {} : { 'content-type': 'application/json' }) },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
      ...(set === undefined ? {} : { body: JSON.stringify(set) }),
    })

  return async (set: JwkSet): Promise<Noticed> => {
    try {
      const reply = await (isByAddress ? send('POST') : send('PUT', set))
      const said = documentIn(await reply.text())
      if (reply.ok && hasAll(said, set)) return { hasAll: true }
      const why = reply.ok ? `it answered ${reply.status} without every key of the set` : refusalIn(reply.status, said)
      log.warn({ status: reply.status, why }, 'the identity provider did not say that it has the key set')
      return { hasAll: false, why }
    } catch (error) {
      log.warn({ err: error }, 'the identity provider could not be told of the key set')
      return { hasAll: false, why: `it gave no answer (${causeOf(error)})` }
    }
  }
}

function documentIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // A page of a proxy: its status says enough.
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** By this API's form of an error, or by that of RFC 6749 §5.2. */
function refusalIn(status: number, said: unknown): string {
  const { code, message, error, error_description } = (said ?? {}) as Record<string, unknown>
  const [name, text] = [code ?? error, message ?? error_description]
  const told = [name, text].filter((part) => typeof part === 'string' && part !== '').join(': ')
  return `it answered ${status}${told === '' ? '' : ` ${redactLine(told).slice(0, mostToldOf)}`}`
}

/** fetch says no more than "fetch failed"; its cause knows. */
function causeOf(error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: NodeJS.ErrnoException }
  return cause?.code ?? (name === 'TimeoutError' ? `within ${timeoutMs / 1_000} s` : message)
}

function hasAll(stored: unknown, { keys }: JwkSet): boolean {
  const { keys: there } = (stored ?? {}) as { keys?: unknown }
  if (!Array.isArray(there)) return false
  return keys.every(({ kid }) => there.some((key) => (key as { kid?: unknown } | null)?.kid === kid))
}
