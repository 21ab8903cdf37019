/** The only file of this folder that touches the network. */
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request as overPlain } from 'node:http'
import { request as overTls, Agent as TlsAgent } from 'node:https'
import type { LookupFunction } from 'node:net'
import { IdpError } from '../error.ts'
import { type OutboundRules, requireCallable, requirePublic } from './rules.ts'

export interface Asked {
  method?: 'GET' | 'POST'
  headers?: Readonly<Record<string, string>>
  body?: string
  /** Of the reply's body. */
  maxBytes: number
  /** Over all of it: the wait for a place, the name, the connection, and the last byte. */
  timeoutMs: number
}

export interface Answer {
  /** Never that of a redirect. */
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

/** Each call connects anew, so that each is judged. Agents of our own, or HTTP_PROXY might name a proxy that resolves names itself. */
const plain = new Agent({ keepAlive: false })
const secure = new TlsAgent({ keepAlive: false, rejectUnauthorized: true })

/**
 * Calls a URL that somebody else chose. The address is judged where the connection is made, so that no second answer of the DNS
 * can lead elsewhere. Redirects are not followed, and nothing is decompressed.
 *
 * @throws IdpError `OUTBOUND_REFUSED` when that may not be called, `OUTBOUND_FAILED` when there is no answer, or none of use; what
 *   was wrong is `facts.why`
 */
export async function guardedFetch(rules: OutboundRules, text: string, asked: Asked): Promise<Answer> {
  const url = requireCallable(rules, text)
  const signal = AbortSignal.timeout(asked.timeoutMs)
  try {
    return await rules.calls(url.host, () => exchange(rules, url, asked, signal), signal)
  } catch (error) {
    if (error instanceof IdpError) throw error
    if (signal.aborted) throw failed('timeout', 'there was no whole answer in time')
    // Only the code: the text of what OpenSSL or the resolver says may repeat what the other side sent.
    throw failed((error as NodeJS.ErrnoException).code ?? 'connection_failed', 'there was no answer')
  }
}

async function exchange(rules: OutboundRules, url: URL, asked: Asked, signal: AbortSignal): Promise<Answer> {
  const response = await send(rules, url, asked, signal)
  try {
    const { statusCode: status = 0, headers } = response
    if (status >= 300 && status < 400) throw failed('redirect', 'the answer is a redirect, which is not followed')
    const encoding = headers['content-encoding'] ?? 'identity'
    if (encoding !== 'identity') throw failed('encoded', 'the answer is compressed, which was not asked for')
    return { status, headers, body: await bodyOf(response, asked.maxBytes) }
  } finally {
    response.destroy()
  }
}

function send(rules: OutboundRules, url: URL, asked: Asked, signal: AbortSignal): Promise<IncomingMessage> {
  const { method = 'GET', headers, body } = asked
  const options = {
    method,
    headers: { accept: '*/*', 'user-agent': 'rekey', ...headers, 'accept-encoding': 'identity' },
    signal,
    ...(rules.isAllowed(url) ? {} : { lookup: publicOnly(rules) }),
  }
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'https:'
        ? overTls(url, { ...options, agent: secure }, resolve)
        : overPlain(url, { ...options, agent: plain }, resolve)
    request.on('error', reject)
    // Where the other side changes to another protocol there is neither an answer nor an error.
    request.on('close', () => reject(new Error('closed')))
    request.end(body)
  })
}

/** Looks a name up for the socket that is to be connected: all that it may connect to has been judged. */
function publicOnly({ resolve }: OutboundRules): LookupFunction {
  return (host, { all }, done) => {
    resolve(host)
      .then((addresses) => {
        requirePublic(addresses)
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
