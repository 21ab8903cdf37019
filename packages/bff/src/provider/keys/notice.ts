/** Tells the identity provider of this client's key set. */
import type { JwkSet } from '@rekey/registration'
import type { Logger } from 'pino'
import type { NoticeSettings } from '../../config/client-keys.ts'

const timeoutMs = 10_000

/**
 * `PUT` of the set, answered by the set as it is stored. Where the provider fetches the keys from an address, a `PUT` would end that: an
 * empty `POST` has them fetched at once instead.
 *
 * @returns whether the provider is known to have every key of the set
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

  return async (set: JwkSet): Promise<boolean> => {
    try {
      const reply = await (isByAddress ? send('POST') : send('PUT', set))
      if (reply.ok && hasAll(await reply.json().catch(() => undefined), set)) return true
      log.warn({ status: reply.status }, 'the identity provider did not say that it has the key set')
    } catch (error) {
      log.warn({ err: error }, 'the identity provider could not be told of the key set')
    }
    return false
  }
}

function hasAll(stored: unknown, { keys }: JwkSet): boolean {
  const { keys: there } = (stored ?? {}) as { keys?: unknown }
  if (!Array.isArray(there)) return false
  return keys.every(({ kid }) => there.some((key) => (key as { kid?: unknown } | null)?.kid === kid))
}
