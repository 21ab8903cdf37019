import { VerifyError } from '../error.ts'
import type { Jwks } from '../keys/jwk.ts'

export interface FetchJwksOptions {
  readonly fetch: typeof globalThis.fetch
  readonly signal: AbortSignal
  readonly maxBytes: number
}

const failed = (detail: string, cause?: unknown): VerifyError => new VerifyError('jwks_failed', { detail, cause })

async function readAtMost(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > maxBytes) throw failed('the reply is too large')
    chunks.push(chunk)
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
}

/** For how long the reply says it may be reused (RFC 9111 §4.2), what it spent in caches on its way taken off. */
function freshForMs(headers: Headers): number | undefined {
  const seconds = /(?:^|[\s,])max-age="?(\d{1,10})/i.exec(headers.get('cache-control') ?? '')?.[1]
  const age = /^\d{1,10}$/.exec(headers.get('age') ?? '')?.[0] ?? 0
  return seconds === undefined ? undefined : Math.max(0, Number(seconds) - Number(age)) * 1_000
}

/** A JWK Set, and for how long the endpoint said that it may be reused, if it did. */
export interface FetchedJwks extends Jwks {
  readonly freshForMs: number | undefined
}

/** Fetches a JWK Set. A redirect is refused: whoever controls where it points would control what is trusted. */
export async function fetchJwks(uri: string, { fetch, signal, maxBytes }: FetchJwksOptions): Promise<FetchedJwks> {
  try {
    const headers = { accept: 'application/jwk-set+json, application/json' }
    const response = await fetch(uri, { headers, redirect: 'error', signal })
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel()
      throw failed(`status ${response.status}`)
    }
    const set = JSON.parse(await readAtMost(response.body, maxBytes)) as { keys?: unknown } | null
    if (set === null || !Array.isArray(set?.keys)) throw failed('the reply is no key set')
    return { keys: set.keys, freshForMs: freshForMs(response.headers) }
  } catch (cause) {
    throw cause instanceof VerifyError ? cause : failed('no reply that could be read', cause)
  }
}
