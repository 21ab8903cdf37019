import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createVerifier, denyList, jwksPolling, nodeGuard, nodeInternal, type Verifier } from '@rekey/verifier'
import { type InstanceTools, instanceTools, type ToolOptions } from '../../src/instances/tools.ts'
import type { InstanceAddress } from '../../src/instances/verdict.ts'
import type { Probe } from '../../src/providers/port.ts'
import { monotonicClock, systemClock } from '../clock.ts'

export const SECRET = 'the secret of the internal endpoints'
export const AUDIENCE = 'urn:rekey:api'

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Serves until the test is over; resolves to the address. */
export async function serve(t: TestContext, listener: RequestListener, host = '127.0.0.1'): Promise<string> {
  return serveOn(t, createServer(listener), 'http', host)
}

export async function serveOn(t: TestContext, server: Server, scheme: string, host: string, port = 0): Promise<string> {
  server.listen(port, host)
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port: bound } = server.address() as AddressInfo
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${bound}`
}

/** An issuer with two keys: one of them is about to be compromised, the other is its successor. */
export class Issuer {
  readonly #keys = new Map(
    ['old', 'new'].map((kid) => [kid, generateKeyPairSync('ec', { namedCurve: 'P-256' })] as const),
  )
  published = ['old', 'new']
  up = true
  url = ''

  static async start(t: TestContext): Promise<Issuer> {
    const issuer = new Issuer()
    issuer.url = await serve(t, (_request, response) => {
      if (!issuer.up) return response.writeHead(503).end()
      response.setHeader('content-type', 'application/json').end(JSON.stringify(issuer.jwks))
    })
    return issuer
  }

  get jwks() {
    const keys = this.published.map((kid) => ({
      ...this.#keys.get(kid)?.publicKey.export({ format: 'jwk' }),
      kid,
      alg: 'ES256',
      use: 'sig',
    }))
    return { keys }
  }

  probe(kid: string, seconds = 600): Probe & { jti: string; expiresAt: string } {
    const now = Math.floor(systemClock() / 1000)
    const jti = randomUUID()
    const claims = { iss: this.url, aud: AUDIENCE, sub: 'urn:rekey:probe', iat: now, exp: now + seconds, jti }
    const input = `${encode({ alg: 'ES256', typ: 'at+jwt', kid })}.${encode(claims)}`
    const key = this.#keys.get(kid)?.privateKey
    if (key === undefined) throw new TypeError(`there is no key ${kid}`)
    const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')
    return { token: `${input}.${signature}`, kid, jti, expiresAt: new Date((now + seconds) * 1000).toISOString() }
  }

  revoke(): void {
    this.published = ['new']
  }
}

/** A verifier that polls, in a process's place. */
export function polling(t: TestContext, issuer: Issuer): Verifier {
  const trust = jwksPolling({ jwksUri: `${issuer.url}/jwks.json` })
  const verifier = createVerifier({
    issuer: issuer.url,
    audience: AUDIENCE,
    algorithms: ['ES256'],
    trust,
    denyList: denyList(),
  })
  t.after(() => verifier.close())
  return verifier
}

/** An API on `@rekey/verifier`; without `internal`, one that no operator can reach. */
export async function pollingApi(
  t: TestContext,
  issuer: Issuer,
  { internal = true, scopes = [] }: { internal?: boolean; scopes?: string[] } = {},
): Promise<RequestListener> {
  const verifier = polling(t, issuer)
  await verifier.start()
  const endpoints = nodeInternal(verifier, internal ? { token: SECRET } : { env: {} })
  const hello = nodeGuard(verifier, (_request, response) => response.end('{"hello":true}'), { scopes })
  return async (request, response) => {
    if (await endpoints(request, response)) return
    if (request.url === '/hello') return hello(request, response)
    response.writeHead(404).end()
  }
}

export function tools(more: Partial<ToolOptions> = {}): InstanceTools {
  const pause = (ms: number, signal?: AbortSignal) => delay(ms, undefined, signal === undefined ? {} : { signal })
  return instanceTools({ clock: systemClock, monotonic: monotonicClock, pause, ...more })
}

export const at = (url: string, more: Partial<InstanceAddress> = {}): InstanceAddress => ({
  url,
  path: '/hello',
  ...more,
})

/** What the procedure does with instances, in its order: before the revocation, and after it. */
export async function shutOut(
  issuer: Issuer,
  instances: InstanceAddress[],
  more: Partial<Parameters<InstanceTools['proveInstances']>[2]> = {},
  token: string | undefined = SECRET,
  { baselineOf, refreshInstances, proveInstances }: InstanceTools = tools(),
) {
  const old = issuer.probe('old')
  const baselines = await baselineOf(instances, old)
  issuer.revoke()
  const since = new Date(systemClock()).toISOString()
  const denied = issuer.probe('new')
  const entries: Record<string, string>[] = [{ kid: 'old' }, { jti: denied.jti, expiresAt: denied.expiresAt }]
  const refreshes = await refreshInstances(instances, { token, entries })
  const probes = { old, fresh: async () => issuer.probe('new'), denied: async () => denied }
  const verdicts = await proveInstances(instances, probes, {
    kid: 'old',
    since,
    baselines,
    refreshes,
    token,
    withinMs: 1_500,
    ...more,
  })
  return { baselines, refreshes, verdicts, old, denied, since }
}
