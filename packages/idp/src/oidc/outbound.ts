import type { Instance } from '../instance.ts'
import { guardedFetch } from '../outbound/fetch.ts'

const maxBytes = 65_536
const timeoutMs = 2_500

/** `fetch` as the provider calls clients (their back-channel logout), by the rules for addresses that somebody else chose. */
export function fetchThrough({ outbound }: Pick<Instance, 'outbound'>) {
  return async (url: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const { status, body } = await guardedFetch(outbound, String(url), {
      method: init.method === 'POST' ? 'POST' : 'GET',
      headers: Object.fromEntries(new Headers(init.headers)),
      ...(init.body ? { body: String(init.body) } : {}),
      maxBytes,
      timeoutMs,
    })
    const isEmpty = [204, 205, 304].includes(status)
    return new Response(isEmpty ? null : new Uint8Array(body), { status })
  }
}
