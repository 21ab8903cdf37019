import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Provider } from 'oidc-provider'

/**
 * The headers that reach the provider. By others a client could authenticate past our own authentication, or say under which
 * address it calls.
 */
const passedOn = [
  'accept',
  'cookie',
  'origin',
  'access-control-request-method',
  'access-control-request-headers',
] as const

export interface Forwarded {
  /** What a form holds, if it is one. */
  form?: Readonly<Record<string, unknown>>
  /** Only where an access token is presented: at the userinfo endpoint. */
  authorization?: string | undefined
}

/** Lets the provider answer a request, as if it had been made to the issuer's own address. */
export function forward(
  provider: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
  { form, authorization }: Forwarded = {},
): Promise<void> {
  const body = form === undefined ? '' : formEncoded(form)
  const issuer = new URL(provider.issuer)
  const headers: Record<string, string> = { host: issuer.host, 'x-forwarded-proto': issuer.protocol.slice(0, -1) }
  for (const name of passedOn) {
    const value = request.headers[name]
    if (value !== undefined) headers[name] = value
  }
  if (authorization !== undefined) headers.authorization = authorization
  if (form !== undefined) {
    headers['content-type'] = 'application/x-www-form-urlencoded'
    headers['content-length'] = String(Buffer.byteLength(body))
  }
  reply.hijack()
  const { method, url, socket } = request.raw
  const forwarded = Object.assign(Readable.from(body === '' ? [] : [Buffer.from(body)]), {
    method,
    url,
    headers,
    socket,
    httpVersion: '1.1',
    httpVersionMajor: 1,
    httpVersionMinor: 1,
  })
  return provider.callback()(forwarded as unknown as IncomingMessage, reply.raw) as Promise<void>
}

function formEncoded(form: Readonly<Record<string, unknown>>): string {
  const pairs = new URLSearchParams()
  for (const [name, value] of Object.entries(form)) {
    for (const each of [value].flat()) if (each !== undefined) pairs.append(name, String(each))
  }
  return pairs.toString()
}
