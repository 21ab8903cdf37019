import { attemptWithin } from '../../abort.ts'
import type { Clock } from '../../clock.ts'
import { VerifyError } from '../../error.ts'
import type { Jwks } from '../../keys/jwk.ts'
import { type Freshness, freshnessOf } from './freshness.ts'

export interface FetchJwksOptions {
  readonly uri: string
  readonly fetch: typeof globalThis.fetch
  readonly headers: Readonly<Record<string, string>>
  readonly clock: Clock
  readonly timeoutMs: number
  readonly maxBytes: number
  /** For how long a set counts that does not say so itself. */
  readonly ceilingMs: number
}

/** A JWK Set, and how old it is. Its keys are whatever the endpoint listed. */
export interface FetchedJwks extends Jwks, Freshness {}

const failed = (detail: string, cause?: unknown): VerifyError => new VerifyError('jwks_failed', { detail, cause })

/** Between two pieces the limit is looked at too: a fetch of the caller's own may not know of the signal. */
async function readAtMost(body: AsyncIterable<Uint8Array>, maxBytes: number, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    signal.throwIfAborted()
    bytes += chunk.length
    if (bytes > maxBytes) throw failed('the reply is too large')
    chunks.push(chunk)
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
}

/** Whoever controls where a redirect points would control what is trusted; a fetch of the caller's own may have followed. */
function refusal(response: Response): string | undefined {
  if (response.redirected) return 'a redirect was followed'
  if (response.status !== 200) return `status ${response.status}`
  return response.body === null ? 'an empty reply' : undefined
}

async function read({ uri, fetch, maxBytes, ...options }: FetchJwksOptions, signal: AbortSignal): Promise<FetchedJwks> {
  signal.throwIfAborted()
  // RFC 9111 §5.2.1.4: whoever fetches wants to know what holds now, and a cache on the way would tell what held once.
  const headers = {
    ...options.headers,
    accept: 'application/jwk-set+json, application/json',
    'cache-control': 'no-cache',
  }
  // By 'error', Node 20 and 22 would forget the signal once the garbage collector has run, and keep the connection.
  const response = await fetch(uri, { headers, redirect: 'manual', signal })
  const refused = refusal(response)
  if (refused !== undefined || response.body === null) {
    await response.body?.cancel()
    throw failed(refused ?? '')
  }
  const set = JSON.parse(await readAtMost(response.body, maxBytes, signal)) as { keys?: unknown } | null
  if (!Array.isArray(set?.keys)) throw failed('the reply is no key set')
  return { keys: set.keys, ...freshnessOf(response.headers, options.ceilingMs) }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
}

/** For the operator who asked for it; what else the cause says is for the log. */
function whyUnread(cause: unknown): string {
  const { code } = (cause ?? {}) as { code?: unknown }
  const isText = !(cause instanceof SyntaxError) && code !== 'ERR_ENCODING_INVALID_ENCODED_DATA'
  return isText ? 'no connection, or it broke off' : 'the reply is not JSON'
}

/**
 * Fetches a JWK Set. The time limit and the signal end it wherever it is, also where `fetch` takes no notice of them.
 * @throws {VerifyError} `jwks_failed`, whatever went wrong.
 */
export async function fetchJwks(options: FetchJwksOptions, closing: AbortSignal): Promise<FetchedJwks> {
  const { signal, abort, over } = attemptWithin(closing)
  const cancel = options.clock.after(options.timeoutMs, abort)
  try {
    return await Promise.race([read(options, signal), aborted(signal)])
  } catch (cause) {
    if (cause instanceof VerifyError) throw cause
    throw failed(signal.aborted ? 'no answer in time' : whyUnread(cause), cause)
  } finally {
    cancel()
    over()
  }
}
