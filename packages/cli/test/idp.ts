/** An IdP over real HTTP that answers as it is told, so that commands are seen with replies which a real one seldom gives. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Around, type Ran, run } from './shell.ts'

/** What came: without requests for tokens. */
export interface Request {
  line: string
  key: string | undefined
  body: unknown
}

type Answer = unknown | ((response: ServerResponse) => void)

/** A status other than 200 and its body. */
export class Refusal {
  readonly status: number
  readonly body: unknown

  constructor(status: number, code: string, message: string) {
    this.status = status
    this.body = { code, message }
  }
}

/** Answers by `METHOD /path?query`; what is not among them is 404. A function writes the reply itself. */
export async function playIdp(answers: Record<string, Answer> = {}) {
  const requests: Request[] = []
  const scopes: string[] = []
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request)
    if (request.url === '/api/v1/token') {
      scopes.push(new URLSearchParams(body).get('scope') ?? '')
      return response.end(JSON.stringify({ access_token: 't', expires_in: 60 }))
    }
    const line = `${request.method} ${request.url?.replace('/api/v1', '')}`
    requests.push({
      line,
      key: request.headers['idempotency-key']?.toString(),
      body: body ? JSON.parse(body) : undefined,
    })
    send(response, line in answers ? answers[line] : new Refusal(404, 'NOT_FOUND', 'there is nothing here'))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  const env = { REKEY_IDP: url, REKEY_CLIENT_ID: 'admin', REKEY_CLIENT_SECRET: 'secret' }
  return {
    url,
    requests,
    scopes,
    lines: () => requests.map(({ line }) => line),
    rekey: (...words: string[]): Promise<Ran> => run(words, env),
    rekeyIn: (around: Around, ...words: string[]): Promise<Ran> => run(words, env, around),
    async close() {
      server.close().closeAllConnections()
      await once(server, 'close')
    },
  }
}

function send(response: ServerResponse, answer: Answer): void {
  if (typeof answer === 'function') answer(response)
  else if (answer instanceof Refusal) response.writeHead(answer.status).end(JSON.stringify(answer.body))
  else response.end(typeof answer === 'string' ? answer : JSON.stringify(answer))
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}
