import { type IncomingMessage, request as plain, type RequestOptions } from 'node:http'
import { request as secure } from 'node:https'
import { isIP } from 'node:net'
import { BreakGlassError } from '../error.ts'
import { Lanes } from './lanes.ts'
import type { InstanceAddress } from './verdict.ts'

/** How instances are called. */
export interface ClientOptions {
  /** Certificates of authorities that are trusted besides the system's, PEM. */
  ca?: string | string[]
  /** For how long an answer is waited for, in milliseconds; 5 s. */
  withinMs?: number
}

export interface Question {
  method: 'GET' | 'POST'
  /** Below the instance's URL, with its query. */
  path: string
  /** Sent as a bearer token. Never repeated in an error. */
  token: string
  body?: unknown
  signal?: AbortSignal | undefined
}

export interface Answer {
  status: number
  /** Up to 64 kB; empty where an answer to GET says that all is well: it may be a stream without an end. */
  text: string
}

/** No answer came. The message is the end of a sentence that begins with the instance. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered'
}

export type Ask = (instance: Pick<InstanceAddress, 'url' | 'address'>, question: Question) => Promise<Answer>

const LANES = 64
const WITHIN_MS = 5_000
const MOST_BYTES = 65_536

/**
 * Asks instances over HTTP: each question on a connection of its own, because behind one address several processes may
 * answer; at the instance's own address, with the name in Host and SNI; without following redirects, which would carry the
 * secret elsewhere; and for a few seconds at most.
 *
 * @throws Unanswered when no answer came
 * @throws BreakGlassError `INTERRUPTED` when the signal ended it
 */
export function httpClient({ ca, withinMs = WITHIN_MS }: ClientOptions = {}): Ask {
  const lanes = new Lanes(LANES)
  const tls = ca === undefined ? {} : { ca }
  return (instance, question) => lanes.run(() => ask(instance, question, tls, withinMs))
}

async function ask(instance: Pick<InstanceAddress, 'url' | 'address'>, question: Question, tls: object, ms: number) {
  const { signal } = question
  const late = AbortSignal.timeout(ms)
  const ended = signal === undefined ? late : AbortSignal.any([signal, late])
  try {
    return await exchange(instance, question, tls, ended)
  } catch (cause) {
    if (signal?.aborted) throw new BreakGlassError('INTERRUPTED', 'interrupted while instances were called')
    throw new Unanswered(late.aborted ? `does not answer within ${ms / 1_000} s` : wayItFailed(cause))
  }
}

function exchange(
  { url, address }: Pick<InstanceAddress, 'url' | 'address'>,
  { method, path, token, body }: Question,
  tls: object,
  signal: AbortSignal,
): Promise<Answer> {
  const base = new URL(url)
  const text = body === undefined ? '' : JSON.stringify(body)
  const name = base.hostname.replace(/^\[|\]$/g, '')
  const options: RequestOptions & { servername?: string } = {
    method,
    host: address ?? name,
    port: base.port || (base.protocol === 'https:' ? 443 : 80),
    path: base.pathname.replace(/\/$/, '') + path,
    headers: headersFor(base.host, token, body === undefined ? undefined : Buffer.byteLength(text)),
    agent: false,
    signal,
    // An address is no name for SNI (RFC 6066 section 3).
    ...(base.protocol === 'https:' && { ...tls, servername: isIP(name) === 0 ? name : '' }),
  }
  return new Promise((resolve, reject) => {
    let answered = false
    const send = base.protocol === 'https:' ? secure : plain
    const request = send(options, (response) => {
      answered = true
      read(response, method).then(resolve)
    })
    request.on('error', (error) => {
      if (!answered) reject(error)
    })
    request.end(text)
  })
}

function headersFor(host: string, token: string, length: number | undefined) {
  const headers = {
    host,
    authorization: `Bearer ${token}`,
    accept: 'application/json',
    'user-agent': 'rekey-break-glass',
  }
  if (length === undefined) return headers
  return { ...headers, 'content-type': 'application/json', 'content-length': length }
}

/** The status is known by now: a body that breaks off, or does not end, is cut and takes nothing back. */
function read(response: IncomingMessage, method: string): Promise<Answer> {
  const status = response.statusCode ?? 0
  const kept: Buffer[] = []
  let size = 0
  return new Promise((resolve) => {
    const done = () => {
      resolve({ status, text: Buffer.concat(kept).subarray(0, MOST_BYTES).toString() })
      response.destroy()
    }
    for (const event of ['end', 'close', 'error']) response.on(event, done)
    if (method === 'GET' && status < 400) return done()
    response.on('data', (chunk: Buffer) => {
      kept.push(chunk)
      size += chunk.length
      if (size >= MOST_BYTES) done()
    })
  })
}

const WAYS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses the connection',
  ECONNRESET: 'breaks the connection off',
  ENOTFOUND: 'has a name that does not resolve',
  EAI_AGAIN: 'has a name that does not resolve at the moment',
  EHOSTUNREACH: 'cannot be reached',
  ENETUNREACH: 'cannot be reached',
  ETIMEDOUT: 'cannot be reached',
}

function wayItFailed(cause: unknown): string {
  const { code, errors } = cause as { code?: unknown; errors?: { code?: unknown }[] }
  const known = String(code ?? errors?.[0]?.code ?? '')
  if (/CERT|TLS|SSL|SIGNATURE|ISSUER/.test(known)) return `has a certificate that is not trusted (${known})`
  return WAYS[known] ?? `gives no answer (${/^[A-Z0-9_]{1,60}$/.test(known) ? known : 'the connection failed'})`
}
