/**
 * In front of the foreign provider: what newer servers add to it. PATCH, ETag and If-Match, Idempotency-Key, one-use initial access tokens, and an
 * administrator's new registration access tokens. Its address is not the one that the provider calls itself by.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Foreign, startForeign } from './provider.ts'
import { successorsAt } from './successors.ts'

export const ADMIN = 'admin-token-1'

// biome-ignore lint/suspicious/noExplicitAny: what is passed on is JSON of the provider
type Json = any
interface Answer {
  readonly status: number
  readonly body: Json
  readonly headers?: Record<string, string>
}
interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: string
}

type Options = Parameters<typeof startForeign>[0] & {
  /** A change renews the registration access token, and the one before stays good until its successor is used. */
  readonly renewsRat?: boolean
}

export async function startModern({ renewsRat = false, ...options }: Options = {}) {
  const behind = await startForeign(options)
  const tokens = successorsAt(behind)
  const log: string[] = []
  const replies = new Map<string, Answer>()
  const spent = new Set<string>()
  const modern = {
    url: '',
    behind,
    tokens,
    /** `METHOD status`, in order, without the metadata document. */
    log,
    /** Answers in place of everything else while it is set. */
    instead: undefined as ((asked: Asked) => Answer | undefined) | undefined,
    /** Runs before a PATCH is carried out: what somebody else does meanwhile. */
    meanwhile: undefined as (() => Promise<void>) | undefined,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await behind.close()
    },
  }

  async function answer(asked: Asked): Promise<Answer> {
    const instead = modern.instead?.(asked)
    if (instead !== undefined) return instead
    if (asked.path.startsWith('/api/admin/dcr/clients/')) return newToken(behind, asked)
    const token = asked.headers.authorization?.replace('Bearer ', '') ?? ''
    if (!tokens.present(token)) return { status: 401, body: { error: 'invalid_token' } }
    if (asked.method === 'PATCH') {
      await modern.meanwhile?.()
      const reply = await patch(behind, asked)
      if (!renewsRat || reply.status !== 200) return reply
      const registration_access_token = await tokens.successorOf(token, reply.body.client_id)
      return { ...reply, body: { ...reply.body, registration_access_token } }
    }
    if (asked.method === 'POST' && asked.path === '/reg') return once(asked)
    return passOn(behind, asked)
  }

  async function once(asked: Asked): Promise<Answer> {
    const key = `${asked.headers['idempotency-key']} ${asked.headers.authorization}`
    const before = replies.get(key)
    if (before !== undefined) return before
    if (spent.has(asked.headers.authorization ?? '')) return { status: 401, body: { error: 'invalid_token' } }
    const reply = await passOn(behind, asked)
    if (reply.status === 201) {
      replies.set(key, reply)
      spent.add(asked.headers.authorization ?? '')
    }
    return reply
  }

  const server = createServer(async (request, response) => {
    const asked = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers as Record<string, string>,
      body: await textOf(request),
    }
    const { status, body, headers } = await answer(asked)
    if (!asked.path.includes('.well-known')) log.push(`${asked.method} ${status}`)
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(status === 204 ? undefined : JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  modern.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return modern
}

export type Modern = Awaited<ReturnType<typeof startModern>>

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}

async function passOn({ url }: Foreign, { method, path, headers, body }: Asked): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(headers.authorization === undefined ? {} : { authorization: headers.authorization }),
      'content-type': headers['content-type'] ?? 'application/json',
    },
    ...(body === '' ? {} : { body }),
  })
  const reply = response.status === 204 ? undefined : await response.json()
  const isClient = response.status === 200 && path.startsWith('/reg/')
  return { status: response.status, body: reply, ...(isClient ? { headers: { etag: etagOf(reply) } } : {}) }
}

function etagOf({ registration_access_token: _, ...metadata }: Json): string {
  return `"${createHash('sha256').update(JSON.stringify(metadata)).digest('base64url')}"`
}

async function patch(behind: Foreign, asked: Asked): Promise<Answer> {
  const seen = await passOn(behind, { ...asked, method: 'GET', body: '' })
  if (seen.status !== 200) return seen
  if (asked.headers['if-match'] !== undefined && asked.headers['if-match'] !== etagOf(seen.body)) {
    return { status: 412, body: { error: 'precondition_failed' } }
  }
  const { registration_access_token: _, registration_client_uri: __, client_id_issued_at: ___, ...metadata } = seen.body
  const merged = Object.entries({ ...metadata, ...JSON.parse(asked.body) }).filter(([, value]) => value !== null)
  const body = JSON.stringify(Object.fromEntries(merged))
  return passOn(behind, {
    ...asked,
    method: 'PUT',
    headers: { ...asked.headers, 'content-type': 'application/json' },
    body,
  })
}

async function newToken({ provider }: Foreign, { path, headers }: Asked): Promise<Answer> {
  if (headers.authorization !== `Bearer ${ADMIN}`)
    return { status: 403, body: { code: 'FORBIDDEN', message: 'scope dcr.admin' } }
  const clientId = path.split('/')[5] ?? ''
  if ((await provider.Client.find(clientId)) === undefined) return { status: 404, body: { code: 'NOT_FOUND' } }
  const token = await new (provider.RegistrationAccessToken as new (p: object) => { save(): Promise<string> })({
    clientId,
  }).save()
  return { status: 201, body: { registration_access_token: token } }
}
