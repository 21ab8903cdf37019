/** The only file of this folder that touches the network. */
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request as overPlain } from 'node:http'
import { request as overTls, Agent as TlsAgent } from 'node:https'
import type { LookupFunction } from 'node:net'
import { IdpError } from '../error.ts'
import { type OutboundRules, requireAddresses, requireCallable } from './rules.ts'

export interface Asked {
  method?: 'GET' | 'POST'
  headers?: Readonly<Record<string, string>>
  body?: string
  /** Of the reply's body. */
  maxBytes: number
  /** Nobody wants the body. It is taken as far as it goes, so that a connection can be used again, and whatever it is changes nothing. */
  statusAlone?: boolean
  /** Over all of it: the wait for a place, the name, the connection, and the last byte. */
  timeoutMs: number
  /** How many redirects are followed that keep method and body (307, 308); none by default. Each is judged like the first URL. */
  redirects?: number
  /** Connections that are kept for calls after this one; without them each call connects anew. Those of other rules must not be used. */
  agents?: OutboundAgents
  /** Says that there is no more time after all. */
  signal?: AbortSignal
}

/** By which connections are made. What an address was judged by does not change, so a connection may be used again. */
export interface OutboundAgents {
  plain: Agent
  secure: TlsAgent
}

export interface Answer {
  /** Never that of a redirect. */
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

/** Each call connects anew, so that each is judged. Agents of our own, or HTTP_PROXY might name a proxy that resolves names itself. */
const connecting: OutboundAgents = {
  plain: new Agent({ keepAlive: false }),
  secure: new TlsAgent({ keepAlive: false, rejectUnauthorized: true }),
}

/** Agents that keep connections, for less long than servers usually do. */
export function keptConnections(mostToOneHost: number): OutboundAgents {
  const options = { keepAlive: true, maxSockets: mostToOneHost, timeout: 4_000 }
  return { plain: new Agent(options), secure: new TlsAgent({ ...options, rejectUnauthorized: true }) }
}

/**
 * Calls a URL that somebody else chose. The address is judged where the connection is made, so that no second answer of the DNS
 * can lead elsewhere. Redirects are not followed, and nothing is decompressed.
 *
 * @throws IdpError `OUTBOUND_REFUSED` when that may not be called, `OUTBOUND_FAILED` when there is no answer, or none of use; what
 *   was wrong is `facts.why`
 */
export async function guardedFetch(rules: OutboundRules, text: string, asked: Asked): Promise<Answer> {
  const url = requireCallable(rules, text)
  const inTime = AbortSignal.timeout(asked.timeoutMs)
  const signal = asked.signal ? AbortSignal.any([inTime, asked.signal]) : inTime
  try {
    return await exchangeAll(rules, url, asked, signal)
  } catch (error) {
    if (error instanceof IdpError) throw error
    if (signal.aborted) throw failed('timeout', 'there was no whole answer in time')
    // Only the code: the text of what OpenSSL or the resolver says may repeat what the other side sent.
    throw failed((error as NodeJS.ErrnoException).code ?? 'connection_failed', 'there was no answer')
  }
}

async function exchangeAll(rules: OutboundRules, first: URL, asked: Asked, signal: AbortSignal): Promise<Answer> {
  let url = first
  for (let left = asked.redirects ?? 0; ; left -= 1) {
    const place = url
    const answer = await rules.calls(place.host, () => exchange(rules, place, asked, left > 0, signal), signal)
    if (!(answer instanceof URL)) return answer
    url = requireCallable(rules, answer.href)
  }
}

/** @returns where else to call, where the answer says so and that is followed */
async function exchange(
  rules: OutboundRules,
  url: URL,
  asked: Asked,
  follows: boolean,
  signal: AbortSignal,
): Promise<Answer | URL> {
  const response = await send(rules, url, asked, signal)
  try {
    const { statusCode: status = 0, headers } = response
    const place = follows && (status === 307 || status === 308) ? headers.location : undefined
    if (place !== undefined && URL.canParse(place, url.href)) return new URL(place, url)
    if (status >= 300 && status < 400) throw failed('redirect', 'the answer is a redirect, which is not followed')
    if (asked.statusAlone) {
      await bodyOf(response, asked.maxBytes).catch(() => undefined)
      return { status, headers, body: Buffer.alloc(0) }
    }
    const encoding = headers['content-encoding'] ?? 'identity'
    if (encoding !== 'identity') throw failed('encoded', 'the answer is compressed, which was not asked for')
    return { status, headers, body: await bodyOf(response, asked.maxBytes) }
  } finally {
    // Of one that was read to its end the connection is kept, where connections are.
    if (!response.readableEnded) response.destroy()
  }
}

function send(rules: OutboundRules, url: URL, asked: Asked, signal: AbortSignal): Promise<IncomingMessage> {
  const { method = 'GET', headers, body, agents = connecting } = asked
  const options = {
    method,
    headers: { accept: '*/*', 'user-agent': 'rekey', ...headers, 'accept-encoding': 'identity' },
    signal,
    ...(rules.isAllowed(url) ? {} : { lookup: judged(rules, url) }),
  }
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'https:'
        ? overTls(url, { ...options, agent: agents.secure }, resolve)
        : overPlain(url, { ...options, agent: agents.plain }, resolve)
    request.on('error', reject)
    // Where the other side changes to another protocol there is neither an answer nor an error.
    request.on('close', () => reject(new Error('closed')))
    request.end(body)
  })
}

/** Looks a name up for the socket that is to be connected: all that it may connect to has been judged. */
function judged(rules: OutboundRules, url: URL): LookupFunction {
  return (host, { all }, done) => {
    rules
      .resolve(host)
      .then((addresses) => {
        requireAddresses(rules, url, addresses)
        return addresses
      })
      .then(
        (addresses) => {
          const [first] = addresses
          if (!first) done(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), '')
          else if (all) done(null, addresses)
          else done(null, first.address, first.family)
        },
        (error: NodeJS.ErrnoException) => done(error, ''),
      )
  }
}

async function bodyOf(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    bytes += chunk.length
    if (bytes > maxBytes) throw failed('too_large', `the answer has more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function failed(why: string, message: string): IdpError {
  return new IdpError('OUTBOUND_FAILED', `a call to another server failed: ${message}`, { facts: { why } })
}
