import { textOf } from '../body.ts'
import { causeOf, RegistrationError } from '../error.ts'
import { jsonOf } from '../json.ts'
import type { Ports } from '../ports.ts'
import { excerptOf } from './excerpt.ts'

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH'
  readonly url: string
  readonly token?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Reply {
  readonly status: number
  readonly etag: string | undefined
  /** The members of a JSON object, otherwise none. */
  readonly body: Readonly<Record<string, unknown>>
  /** The beginning of the body, fit for a message. */
  readonly excerpt: string
}

/** Sends a request and tries again, with pauses, while the identity provider cannot be reached or says that it is unwell. */
export type Send = (request: Request) => Promise<Reply>

export interface Patience {
  readonly timeoutMs?: number | undefined
  readonly attempts?: number | undefined
}

const AGAIN = [429, 500, 502, 503, 504]
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 10_000
const MOST_BYTES = 1_000_000

export function sender(ports: Ports, { timeoutMs = 10_000, attempts = 4 }: Patience): Send {
  return async (request) => {
    for (let attempt = 1; ; attempt++) {
      const result = await once(ports, request, timeoutMs)
      if ('reply' in result && !AGAIN.includes(result.reply.status)) return result.reply
      if (attempt >= attempts) throw unreachable(request, result, attempt)
      await ports.sleep(pause(ports, attempt, 'reply' in result ? result.retryAfter : null))
    }
  }
}

type Result = { readonly reply: Reply; readonly retryAfter: string | null } | { readonly failure: unknown }

async function once({ fetch }: Ports, request: Request, timeoutMs: number): Promise<Result> {
  try {
    const response = await fetch(request.url, {
      method: request.method,
      // A token must not follow a redirect to wherever it leads.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        accept: 'application/json',
        ...(request.token === undefined ? {} : { authorization: `Bearer ${request.token}` }),
        ...request.headers,
      },
      ...(request.body === undefined ? {} : { body: request.body }),
    })
    return { reply: await replyOf(response, request), retryAfter: response.headers.get('retry-after') }
  } catch (failure) {
    return { failure }
  }
}

async function replyOf(response: Response, request: Request): Promise<Reply> {
  const text = await textOf(response, MOST_BYTES)
  const value = jsonOf(text)
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return {
    status: response.status,
    etag: response.headers.get('etag') ?? undefined,
    body: isObject ? (value as Record<string, unknown>) : {},
    excerpt: excerptOf(text, response.headers.get('content-type'), request.token),
  }
}

// Up to a half at random, so that replicas that failed together do not come back together.
function pause({ random }: Ports, attempt: number, retryAfter: string | null): number {
  const asked = Number(retryAfter) * 1000
  if (retryAfter !== null && asked >= 0) return Math.min(asked, LONGEST_PAUSE_MS)
  return Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS) * (1 + random() / 2)
}

function unreachable({ method, url }: Request, result: Result, attempts: number): RegistrationError {
  const { origin } = new URL(url)
  const why =
    'reply' in result ? `it answered ${result.reply.status}: ${result.reply.excerpt}` : causeOf(result.failure)
  return new RegistrationError(
    'IDP_UNREACHABLE',
    `The identity provider at ${origin} did not answer ${method} as it should in ${attempts} attempts (${why}). ` +
      'Check that it runs and that IDP_BASE_URL is its address, and start again.',
    'failure' in result ? { cause: result.failure } : {},
  )
}
