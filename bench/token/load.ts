import autocannon, { type Options } from 'autocannon'
import { basicAuthorization } from './client.ts'
import type { Contestant } from './contestant.ts'

const CONNECTIONS = 32

/** One round against one contestant. */
export interface Round {
  readonly requestsPerSecond: number
  readonly p99Ms: number
}

/** One request that is made again and again. */
export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH'
  readonly headers: Record<string, string>
  readonly body?: string
  /** What is to differ each time. */
  readonly requests?: NonNullable<Options['requests']>
}

/** Asks for tokens. Throws when a single reply was anything but a 200 with a token. */
export function load(contestant: Contestant, seconds: number): Promise<Round> {
  return repeat(contestant, tokenRequest(contestant), '"access_token":"ey', seconds)
}

/** Makes a request over 32 keep-alive connections. Throws when a single reply was anything but a 200 with those words. */
export async function repeat(
  { name, url }: Pick<Contestant, 'name' | 'url'>,
  request: Request,
  words: string,
  seconds: number,
): Promise<Round> {
  const verifyBody = (body: string) => body.includes(words)
  const result = await autocannon({ ...request, url, connections: CONNECTIONS, duration: seconds, verifyBody })
  const { non2xx, errors, timeouts, mismatches } = result
  const bad = { non2xx, errors, timeouts, mismatches }
  const total = result['2xx']
  if (total === 0 || Object.values(bad).some((count) => count > 0)) {
    throw new Error(`${name}: of ${total} replies some were not as wanted: ${JSON.stringify(bad)}`)
  }
  return { requestsPerSecond: total / result.duration, p99Ms: result.latency.p99 }
}

/** Asks once and looks closely: all contestants must do the same work for the comparison to mean anything. */
export async function checkToken(contestant: Contestant): Promise<void> {
  const { method, headers, body } = tokenRequest(contestant)
  const response = await fetch(contestant.url, { method, headers, body })
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${contestant.name}: ${response.status} ${text}`)
  const { access_token: token } = JSON.parse(text) as { access_token: string }
  const [header, claims] = token.split('.', 2).map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()))
  const wanted = ['iss', 'sub', 'aud', 'client_id', 'organization_id', 'scope', 'jti', 'iat', 'exp']
  const missing = wanted.filter((claim) => claims?.[claim] === undefined)
  if (header?.alg !== 'ES256' || header.typ !== 'at+jwt' || missing.length > 0) {
    throw new Error(`${contestant.name}: not the token that was asked for: ${JSON.stringify({ header, missing })}`)
  }
}

function tokenRequest({ clientId, clientSecret, scope }: Contestant): Request {
  return {
    method: 'POST',
    headers: {
      authorization: basicAuthorization(clientId, clientSecret),
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope }).toString(),
  }
}
