/** Requests as clients send them: no retries, an answer or none within a time limit. */

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: replies are checked member by member where they are used
  body: any
}

export interface Credential {
  clientId: string
  clientSecret: string
}

/** Longer than any process here is stopped for, but bounded: what was queued in a socket is answered when it wakes. */
const answerWithinMs = 25_000

/** @throws when nobody answers */
export async function send(url: string, init: RequestInit = {}): Promise<Answer> {
  const reply = await fetch(url, { signal: AbortSignal.timeout(answerWithinMs), ...init })
  const text = await reply.text()
  const isJson = /json/.test(reply.headers.get('content-type') ?? '')
  return { status: reply.status, body: isJson ? JSON.parse(text) : text }
}

/** The answer, or undefined where there was none: during a fault that is no wrong answer. */
export async function ask(url: string, init: RequestInit = {}): Promise<Answer | undefined> {
  try {
    return await send(url, init)
  } catch (error) {
    if (error instanceof SyntaxError) throw error
    return undefined
  }
}

export function basic({ clientId, clientSecret }: Credential): string {
  return `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
}

/** A request to the token endpoint by client_secret_basic. */
export function tokenRequest(credential: Credential, scope?: string): RequestInit {
  const body = new URLSearchParams({ grant_type: 'client_credentials', ...(scope ? { scope } : {}) })
  return { method: 'POST', headers: { authorization: basic(credential) }, body }
}

export function bearer(token: string): RequestInit {
  return { headers: { authorization: `Bearer ${token}` } }
}

export function jsonRequest(method: string, authorization: string, body?: unknown): RequestInit {
  if (body === undefined) return { method, headers: { authorization } }
  return { method, headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

/** What a token says of itself. Times are milliseconds since the epoch. */
export function decodeUnverified(token: string): { kid: string; issuedAt: number; expiresAt: number } {
  const [header = '', payload = ''] = token.split('.')
  const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  const { iat, exp } = decode(payload)
  return { kid: decode(header).kid, issuedAt: iat * 1_000, expiresAt: exp * 1_000 }
}
