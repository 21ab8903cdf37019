import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Answer, basic, type Credential } from './http.ts'

/** A request to be written byte by byte. */
export interface RawRequest {
  method: 'GET' | 'POST'
  path: string
  authorization?: string
  form?: Record<string, string>
  json?: unknown
}

/**
 * Puts a request into the socket of a process that stands still: it is among the first that the process finds when it
 * wakes. Resolves when the kernel, which takes connections for it meanwhile, has the whole of it; the answer comes
 * later.
 */
export async function queue(url: string, request: RawRequest): Promise<{ answer: Promise<Answer> }> {
  const socket = connect({ host: 'localhost', port: Number(new URL(url).port) })
  await once(socket, 'connect')
  await new Promise<void>((resolve, reject) => {
    socket.write(textOf(request), (error) => (error ? reject(error) : resolve()))
  })
  const answer = answerOn(socket)
  answer.catch(() => undefined)
  return { answer }
}

export const queuedToken = (credential: Credential): RawRequest => ({
  method: 'POST',
  path: '/api/v1/token',
  authorization: basic(credential),
  form: { grant_type: 'client_credentials' },
})

export const queuedHello = (token: string): RawRequest => ({
  method: 'GET',
  path: '/hello',
  authorization: `Bearer ${token}`,
})

function textOf({ method, path, authorization, form, json }: RawRequest): string {
  const body = form ? new URLSearchParams(form).toString() : json === undefined ? '' : JSON.stringify(json)
  const type = form ? 'application/x-www-form-urlencoded' : 'application/json'
  const head = [
    `${method} ${path} HTTP/1.1`,
    'host: localhost',
    'connection: close',
    ...(authorization ? [`authorization: ${authorization}`] : []),
    ...(body ? [`content-type: ${type}`, `content-length: ${Buffer.byteLength(body)}`] : []),
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

async function answerOn(socket: Socket): Promise<Answer> {
  let text = ''
  for await (const chunk of socket.setEncoding('utf8')) text += chunk
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const body = rest.join('\r\n\r\n')
  const isJson = /content-type: application\/json/i.test(head)
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), body: isJson ? JSON.parse(body) : body }
}
