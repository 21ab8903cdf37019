/** A decision point for tests, which decides by a function; and a token endpoint beside it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface Asked {
  path: string
  authorization: string | undefined
  body: Record<string, unknown>
}

type Answer = { status?: number; body?: unknown } | 'break' | 'hang'

export interface TestPdp {
  readonly url: string
  /** Questions, in order. */
  readonly asked: Asked[]
  /** Forms that asked for a token, with their credentials. */
  readonly tokens: { authorization: string | undefined; form: Record<string, string> }[]
  /** What is answered from now on. */
  answer(by: (asked: Asked) => Answer): void
  /** What the token endpoint answers from now on. */
  issue(by: () => Answer): void
  close(): Promise<void>
}

export async function testPdp(t: TestContext, tls?: { key: string; cert: string }): Promise<TestPdp> {
  const asked: Asked[] = []
  const tokens: TestPdp['tokens'] = []
  let by: (asked: Asked) => Answer = () => ({ body: { decision: true } })
  let issue: () => Answer = () => ({ body: { access_token: `token-${tokens.length}`, expires_in: 3_600 } })
  const answerTo = (request: IncomingMessage, response: ServerResponse) => {
    void textOf(request).then((text) => {
      const { authorization } = request.headers
      if (request.url === '/token') {
        tokens.push({ authorization, form: Object.fromEntries(new URLSearchParams(text)) })
        return send(response, issue())
      }
      const one = { path: request.url ?? '', authorization, body: JSON.parse(text) as Record<string, unknown> }
      asked.push(one)
      return send(response, by(one))
    })
  }
  const server = tls ? createTlsServer(tls, answerTo) : createServer(answerTo)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  t.after(() => (server.listening ? close() : undefined))
  return {
    url: `${tls ? 'https://localhost' : 'http://127.0.0.1'}:${(server.address() as AddressInfo).port}`,
    asked,
    tokens,
    answer: (given) => {
      by = given
    },
    issue: (given) => {
      issue = given
    },
    close,
  }
}

function send(response: ServerResponse, answer: Answer): void {
  if (answer === 'hang') return
  if (answer === 'break') {
    response.destroy()
    return
  }
  response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' })
  response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}))
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
