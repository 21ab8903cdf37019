import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { createVerifier, denyList, jwksPolling, nodeGuard, nodeInternal } from '@rekey/verifier'
import { createRemoteJWKSet, jwtVerify } from 'jose'

export const refreshToken = 'of-the-internal-endpoints-of-every-api'
const audience = 'urn:example:api'

/** An API on `@rekey/verifier` that polls a key set, and can be refreshed and told what to deny. */
export async function pollingApi(test: TestContext, issuer: string): Promise<string> {
  const verifier = createVerifier({
    issuer,
    audience,
    algorithms: ['ES256'],
    trust: jwksPolling({ jwksUri: `${issuer}/jwks` }),
    denyList: denyList(),
  })
  test.after(() => verifier.close())
  await verifier.start()
  const internal = nodeInternal(verifier, { token: refreshToken })
  const hello = nodeGuard(verifier, (_request, response) => response.end('{"hello":true}'))
  return serve(test, async (request, response) => {
    if (!(await internal(request, response))) hello(request, response)
  })
}

/** An API on jose, which nobody can make look. It takes a new key when it sees one, at most once in `coolDownMs`. */
export function joseApi(test: TestContext, issuer: string, coolDownMs: number): Promise<string> {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`), { cooldownDuration: coolDownMs })
  return serve(test, async ({ url, headers }, response) => {
    if (url !== '/hello') return response.writeHead(404).end()
    const token = headers.authorization?.replace(/^Bearer /, '') ?? ''
    const verdict = await jwtVerify(token, keys, { issuer, audience }).then(
      () => 200,
      () => 401,
    )
    response.writeHead(verdict).end('{}')
  })
}

async function serve(test: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  test.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export async function statusOf(api: string, token: string): Promise<number> {
  const response = await fetch(`${api}/hello`, { headers: { authorization: `Bearer ${token}` } })
  await response.arrayBuffer()
  return response.status
}

/**
 * Requests with tokens that were issued a moment before, to every API in turn, until it is ended. Some of them are visited by
 * a stranger too, whose keys nobody knows: who looked for those a moment ago does not look for another so soon.
 */
export function underLoad(token: () => Promise<string>, apis: readonly string[], visited: readonly string[]) {
  const refused: { api: string; status: number; kid: string }[] = []
  const kids = new Set<string>()
  let count = 0
  let going = true
  async function load(): Promise<void> {
    while (going) {
      const fresh = await token()
      const kid = kidOf(fresh)
      kids.add(kid)
      for (const api of apis) {
        if (visited.includes(api)) await statusOf(api, strangersToken())
        const status = await statusOf(api, fresh)
        // One that was issued before the revocation and arrives after it is refused, as it should be.
        if (status !== 200) refused.push({ api, status, kid })
        count++
      }
    }
  }
  const loads = [load(), load()]
  return async () => {
    going = false
    await Promise.all(loads)
    return { refused, kids, count }
  }
}

function strangersToken(): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'ES256', typ: 'at+jwt', kid: randomUUID() })}.${part({})}.${'A'.repeat(86)}`
}

export function kidOf(token: string): string {
  return JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid
}
