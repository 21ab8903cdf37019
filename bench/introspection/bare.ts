/**
 * The ceiling: what one core can do when a server does only the work of introspection. Parse the form, compare the caller's secret
 * in constant time, verify the token's ES256 signature, answer its claims. No framework, database, deny-list or metrics.
 * `GET /` hands out the one token that it knows.
 */
import { generateKeyPairSync, hash, randomUUID, sign, timingSafeEqual, verify } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { announce, portOf } from '../token/announce.ts'
import { AUDIENCE, basicAuthorization, CLIENT_ID, CLIENT_SECRET, SCOPE } from '../token/client.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const raw = { dsaEncoding: 'ieee-p1363' } as const
const expected = hash('sha256', basicAuthorization(CLIENT_ID, CLIENT_SECRET), 'buffer')
const token = sampleToken()

const server = createServer((request, response) => {
  if (request.method === 'GET') return reply(response, 200, { access_token: token })
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => answer(request, Buffer.concat(chunks).toString(), response))
})
server.listen(0, '127.0.0.1', () => announce({ url: `http://127.0.0.1:${portOf(server)}/` }))

function answer(request: IncomingMessage, body: string, response: ServerResponse): void {
  const presented = hash('sha256', request.headers.authorization ?? '', 'buffer')
  if (timingSafeEqual(presented, expected)) reply(response, 200, introspect(body))
  else reply(response, 401, { error: 'invalid_client' })
}

function introspect(body: string): object {
  const [header = '', payload = '', signature = ''] = new URLSearchParams(body).get('token')?.split('.') ?? []
  const good = verify(
    'sha256',
    Buffer.from(`${header}.${payload}`),
    { key: publicKey, ...raw },
    Buffer.from(signature, 'base64url'),
  )
  const claims = good ? JSON.parse(Buffer.from(payload, 'base64url').toString()) : undefined
  return claims?.exp > Date.now() / 1_000 ? { active: true, ...claims } : { active: false }
}

function sampleToken(): string {
  const iat = Math.floor(Date.now() / 1_000)
  const header = { alg: 'ES256', typ: 'at+jwt', kid: randomUUID() }
  const claims = {
    ...{ iss: 'http://localhost', sub: CLIENT_ID, aud: AUDIENCE, client_id: CLIENT_ID, organization_id: 'default' },
    ...{ scope: SCOPE, jti: randomUUID(), iat, exp: iat + 3_600 },
  }
  const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${input}.${sign('sha256', Buffer.from(input), { key: privateKey, ...raw }).toString('base64url')}`
}

function reply(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
  response.end(text)
}
