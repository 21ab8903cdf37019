/**
 * The ceiling: what one core can do when a server does only the work that a token needs. Parse the form, compare the
 * secret's SHA-256 in constant time, build the claims, sign with ES256, answer. No framework, database, metrics or log.
 */
import { generateKeyPairSync, hash, type KeyObject, randomUUID, sign, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { announce, portOf } from './announce.ts'
import { AUDIENCE, CLIENT_ID, CLIENT_SECRET, SCOPE, TOKEN_LIFETIME_SECONDS } from './client.ts'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const header = Buffer.from(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: randomUUID() })).toString('base64url')
const secretHash = hash('sha256', CLIENT_SECRET, 'buffer')
let issuer = ''

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => answer(request, Buffer.concat(chunks).toString(), response))
})
server.listen(0, '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${portOf(server)}`
  announce({ url: `${issuer}/token` })
})

function answer(request: IncomingMessage, body: string, response: ServerResponse): void {
  const form = new URLSearchParams(body)
  const clientId = authenticate(request.headers.authorization)
  if (clientId === undefined) {
    reply(response, 401, { error: 'invalid_client' })
  } else if (form.get('grant_type') !== 'client_credentials') {
    reply(response, 400, { error: 'unsupported_grant_type' })
  } else {
    const scope = form.get('scope') ?? SCOPE
    const token = issue(clientId, scope, privateKey)
    reply(response, 200, { access_token: token, token_type: 'Bearer', expires_in: TOKEN_LIFETIME_SECONDS, scope })
  }
}

function authenticate(authorization = ''): string | undefined {
  const [scheme, encoded = ''] = authorization.split(' ')
  if (scheme !== 'Basic') return undefined
  const pair = Buffer.from(encoded, 'base64').toString()
  const colon = pair.indexOf(':')
  const clientId = decodeURIComponent(pair.slice(0, colon))
  const presented = hash('sha256', decodeURIComponent(pair.slice(colon + 1)), 'buffer')
  return clientId === CLIENT_ID && timingSafeEqual(presented, secretHash) ? clientId : undefined
}

function issue(clientId: string, scope: string, key: KeyObject): string {
  const iat = Math.floor(Date.now() / 1000)
  const claims = {
    iss: issuer,
    sub: clientId,
    aud: AUDIENCE,
    client_id: clientId,
    organization_id: 'org-1',
    scope,
    jti: randomUUID(),
    iat,
    exp: iat + TOKEN_LIFETIME_SECONDS,
  }
  const input = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
  return `${input}.${rawSignature(sign('sha256', Buffer.from(input), key)).toString('base64url')}`
}

// DER: 30 len 02 len r 02 len s. Twice as fast as dsaEncoding 'ieee-p1363' (Node 24.21).
function rawSignature(der: Buffer): Buffer {
  const raw = Buffer.alloc(64)
  const rLength = der[3] ?? 0
  copyInteger(der, 4, rLength, raw, 0)
  copyInteger(der, 6 + rLength, der[5 + rLength] ?? 0, raw, 32)
  return raw
}

function copyInteger(der: Buffer, start: number, length: number, raw: Buffer, offset: number): void {
  const surplus = Math.max(0, length - 32)
  der.copy(raw, offset + 32 - (length - surplus), start + surplus, start + length)
}

function reply(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
  })
  response.end(text)
}
