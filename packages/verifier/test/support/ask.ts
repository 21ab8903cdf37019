import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'

export interface Question extends RequestOptions {
  /** A list sends the field several times. */
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Uint8Array
}

/** An answer, with its body also read as JSON where it is JSON. */
export interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingMessage['headers']
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests compare what they find
  readonly body: any
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** One request over real HTTP, with all the freedom that `fetch` does not give. */
export async function ask(url: string, { body, ...options }: Question = {}): Promise<Answer> {
  const start = url.startsWith('https:') ? httpsRequest : httpRequest
  // Node's client does not tell how long the body of a DELETE is, which makes it a request of its own.
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
  const request = start(url, { agent: false, ...options, headers: { ...length, ...options.headers } })
  request.end(body)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return answerOf(response)
}

export async function answerOf(response: IncomingMessage): Promise<Answer> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  return { status: response.statusCode, headers: response.headers, text, body: parsed(text) }
}

export const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
