import { BreakGlassError } from '../../error.ts'
import type { ApiRequest, ManagementApi } from './api.ts'

/** A call that waits for every instance is answered within a lease or two. */
const repliesWithinMs = 30_000

/**
 * The management API of one instance, by a bearer token.
 *
 * @param base the instance's address
 * @param token asked for at each call
 * @param signal ends calls that are under way
 */
export function apiOverFetch(base: string, token: () => string | Promise<string>, signal: AbortSignal): ManagementApi {
  return {
    async call(request) {
      const init = initOf(request, await token())
      const late = AbortSignal.timeout(request.replyWithinMs ?? repliesWithinMs)
      const { status, text } = await send(`${base}/api/v1${request.path}`, init, AbortSignal.any([signal, late]))
      if (status < 300) return text === '' ? undefined : JSON.parse(text)
      throw refused(status, text)
    },
  }
}

function initOf({ method, body }: ApiRequest, token: string): RequestInit {
  const authorization = `Bearer ${token}`
  if (body === undefined) return { method, headers: { authorization } }
  return { method, headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

async function send(url: string, init: RequestInit, signal: AbortSignal): Promise<{ status: number; text: string }> {
  try {
    const reply = await fetch(url, { ...init, signal, redirect: 'error' })
    return { status: reply.status, text: await reply.text() }
  } catch (cause) {
    throw new BreakGlassError('PROVIDER_UNREACHABLE', `${new URL(url).origin} does not answer`, {}, { cause })
  }
}

function refused(status: number, text: string): BreakGlassError {
  const { code = `HTTP_${status}`, message = `it answered ${status}`, details } = told(text)
  const kind = status === 503 ? 'PROVIDER_UNREACHABLE' : 'PROVIDER_REFUSED'
  return new BreakGlassError(kind, `${message} (${code})`, { code, status, details })
}

function told(text: string): { code?: string; message?: string; details?: unknown } {
  try {
    return JSON.parse(text)
  } catch (cause) {
    // A proxy's page is no answer of the API: the status alone speaks then.
    if (cause instanceof SyntaxError) return {}
    throw cause
  }
}
