/** An identity provider for tests: a key set, and an introspection endpoint that does as it is told. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface TestIssuer {
  readonly url: string
  /** The introspections that were asked for: authorization header and form. */
  readonly asked: { authorization: string | undefined; form: URLSearchParams }[]
  /** How many key sets were asked for. */
  jwksFetches: number
  /** Answers the next introspections, one each; the last one all that follow. */
  answer(...answers: Answering[]): void
  /** Answers JWKS fetches with this status instead of keys. */
  failJwks(status: number | undefined): void
  jwt(claims: Record<string, unknown>, header?: Record<string, unknown>): string
  close(): Promise<void>
}

/** A status with a body; or the connection is broken off, or left hanging. */
export type Answering = { status?: number; body?: unknown; headers?: Record<string, string> } | 'break' | 'hang'

export async function testIssuer(t: TestContext): Promise<TestIssuer> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const kid = createHash('sha256')
    .update(JSON.stringify(publicKey.export({ format: 'jwk' })))
    .digest('hex')
    .slice(0, 8)
  const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }] }
  const asked: TestIssuer['asked'] = []
  let answers: Answering[] = [{ body: { active: false } }]
  let jwksStatus: number | undefined
  const server = createServer((request, response) => {
    if (request.url === '/jwks') {
      issuer.jwksFetches += 1
      return send(response, jwksStatus ? { status: jwksStatus, body: {} } : { body: jwks })
    }
    void textOf(request).then((text) => {
      asked.push({ authorization: request.headers.authorization, form: new URLSearchParams(text) })
      send(response, (answers.length > 1 ? answers.shift() : answers[0]) ?? 'break')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  t.after(() => (server.listening ? close() : undefined))
  const issuer: TestIssuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    jwksFetches: 0,
    answer: (...given) => {
      answers = given
    },
    failJwks: (status) => {
      jwksStatus = status
    },
    jwt: (claims, header = {}) => jwt(privateKey, { kid, ...header }, claims),
    close,
  }
  return issuer
}

function jwt(key: KeyObject, header: Record<string, unknown>, claims: Record<string, unknown>): string {
  const input = [{ alg: 'ES256', typ: 'at+jwt', ...header }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

function send(response: ServerResponse, answering: Answering): void {
  if (answering === 'hang') return
  if (answering === 'break') {
    response.destroy()
    return
  }
  const { status = 200, body, headers = {} } = answering
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
