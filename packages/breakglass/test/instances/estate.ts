import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createVerifier, denyList, jwksPolling, nodeGuard, nodeInternal } from '@rekey/verifier'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { type InstanceTools, instanceTools, type ToolOptions } from '../../src/instances/tools.ts'
import type { InstanceAddress } from '../../src/instances/verdict.ts'
import type { Probe } from '../../src/providers/port.ts'
import { monotonicClock, systemClock } from '../clock.ts'

export const SECRET = 'of-the-internal-endpoints-of-every-api'
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

  probe(kid: string, seconds = 600): SignedProbe {
    const key = this.#keys.get(kid)?.privateKey
    if (key === undefined) throw new TypeError(`there is no key ${kid}`)
    return signedProbe(this.url, kid, key, seconds)
  }

  revoke(): void {
    this.published = ['new']
  }
}

type SignedProbe = Probe & { jti: string; expiresAt: string }

export function signedProbe(issuer: string, kid: string, key: KeyObject, seconds: number): SignedProbe {
  const now = Math.floor(systemClock() / 1000)
  const jti = randomUUID()
  const claims = { iss: issuer, aud: AUDIENCE, sub: 'urn:rekey:probe', iat: now, exp: now + seconds, jti }
  const input = `${encode({ alg: 'ES256', typ: 'at+jwt', kid })}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')
  return { token: `${input}.${signature}`, kid, jti, expiresAt: new Date((now + seconds) * 1000).toISOString() }
}

/** Whose tokens an API takes. */
interface Trusted {
  url: string
  jwksUri?: string
  audience?: string
}

/** An API on `@rekey/verifier` that polls; without `internal`, one that no operator can reach. */
export async function pollingApi(
  t: TestContext,
  { url, jwksUri = `${url}/jwks.json`, audience = AUDIENCE }: Trusted,
  { internal = true, scopes = [] }: { internal?: boolean; scopes?: string[] } = {},
): Promise<RequestListener> {
  const trust = jwksPolling({ jwksUri })
  const verifier = createVerifier({ issuer: url, audience, algorithms: ['ES256'], trust, denyList: denyList() })
  t.after(() => verifier.close())
  await verifier.start()
  const endpoints = nodeInternal(verifier, internal ? { token: SECRET } : { env: {} })
  const hello = nodeGuard(verifier, (_request, response) => response.end('{"hello":true}'), { scopes })
  return async (request, response) => {
    if (await endpoints(request, response)) return
    if (request.url === '/hello') return hello(request, response)
    response.writeHead(404).end()
  }
}

/** One as people write it with `jose`: nobody can make it look, and it takes a new key when it sees one, once in `coolDownMs`. */
export function joseApi(
  { url: issuer, jwksUri = `${issuer}/jwks.json`, audience = AUDIENCE }: Trusted,
  coolDownMs = 30_000,
): RequestListener {
  const keys = createRemoteJWKSet(new URL(jwksUri), { cooldownDuration: coolDownMs })
  return async ({ url, headers }, response) => {
    if (url !== '/hello') return void response.writeHead(404).end()
    const token = headers.authorization?.replace(/^Bearer /, '') ?? ''
    const status = await jwtVerify(token, keys, { issuer, audience }).then(
      () => 200,
      () => 401,
    )
    response.writeHead(status).end('{}')
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
