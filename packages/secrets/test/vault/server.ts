/**
 * A small Vault: one KV v2 engine and tokens over HTTP, with the statuses and texts of the real one, and what can go wrong
 * with it at the turn of a switch.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { kvEngine } from './engine.ts'
import { type Capability, policyStore } from './policies.ts'
import { type TokenAnswer, tokenStore } from './tokens.ts'

export interface VaultServerOptions {
  /** Its root token. */
  token?: string
  mount?: string
  /** The only one that there is. Without it only requests that name none are answered. */
  namespace?: string
  tls?: { key: string; cert: string }
}

const acl = 'sys/policies/acl/'

/** To a token that is good, and whose policies do not allow it. */
const denied: TokenAnswer = { status: 403, errors: ['1 error occurred:\n\t* permission denied\n\n'] }

/** What is answered instead of the truth. */
export interface Instead {
  status: number
  body?: string
  headers?: Record<string, string>
}

export async function startVault(options: VaultServerOptions = {}) {
  const { token = `hvs.${randomBytes(12).toString('hex')}`, mount = 'secret', namespace, tls } = options
  const tokens = tokenStore(token)
  const policies = policyStore()
  const engine = kvEngine()
  const requests: string[] = []
  let isSealed = false
  let delayOf = (_request: string) => 0
  let instead: ((request: string) => Instead | undefined) | undefined
  let isLost: ((request: string) => boolean) | undefined

  async function answer(request: IncomingMessage): Promise<TokenAnswer> {
    const url = new URL(request.url ?? '/', 'http://vault')
    const path = decodeURIComponent(url.pathname).replace(/^\/v1\//, '')
    if (isSealed) return { status: 503, errors: ['Vault is sealed'] }
    if (request.headers['x-vault-namespace'] !== namespace) return { status: 404, errors: ['namespace not found'] }
    const bearer = String(request.headers['x-vault-token'] ?? '')
    const body = await bodyOf(request)
    const call = path.startsWith('auth/token/') ? path.slice('auth/token/'.length) : undefined
    if (call !== undefined) return tokens.handle(call, bearer, body) ?? noRoute(path)
    const names = tokens.policiesOf(bearer)
    if (!names) return { status: 403, errors: ['permission denied'] }
    const method = url.searchParams.get('list') === 'true' ? 'LIST' : (request.method ?? '')
    if (!policies.allows(names, method === 'LIST' ? `${path}/` : path, capabilityOf(method, path))) return denied
    if (path.startsWith(acl)) {
      policies.set(path.slice(acl.length), String(body?.policy))
      return { status: 204 }
    }
    if (!path.startsWith(`${mount}/`)) return noRoute(path)
    const [kind = '', ...rest] = path.slice(mount.length + 1).split('/')
    const version = url.searchParams.get('version')
    return engine.handle(kind, { method, path: rest.join('/'), version, body }) ?? noRoute(path)
  }

  /** To write where nothing is yet is another right than to change what is there. */
  function capabilityOf(method: string, path: string): Capability {
    const fixed = { GET: 'read', DELETE: 'delete', LIST: 'list' } as const
    if (method in fixed) return fixed[method as keyof typeof fixed]
    const [, kind = '', secret = ''] = /^([^/]+)\/(.*)$/.exec(path.slice(mount.length + 1)) ?? []
    const isThere = kind === 'metadata' ? engine.paths().includes(secret) : engine.versions(secret).size > 0
    return /^(data|metadata)$/.test(kind) && !isThere ? 'create' : 'update'
  }

  const listener: RequestListener = async (request, response) => {
    const line = `${request.method} ${request.url}`
    requests.push(line)
    const said = instead?.(line) ?? written(await answer(request))
    if (isLost?.(line)) {
      isLost = undefined
      request.socket.resetAndDestroy()
      return
    }
    const send = () => response.writeHead(said.status, said.headers).end(said.body)
    const delayMs = delayOf(line)
    if (delayMs === 0) send()
    else setTimeout(send, delayMs).unref()
  }
  const server = tls ? createTlsServer(tls, listener) : createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  return {
    url: `${tls ? 'https://localhost' : 'http://127.0.0.1'}:${port}`,
    token,
    /** Settings of the mount. */
    settings: engine.settings,
    versions: engine.versions,
    paths: engine.paths,
    /** Every request so far, its method and path. */
    requests,
    /** Tokens in the order in which they were renewed. */
    renewals: tokens.renewals,
    expire: tokens.expire,
    sealed(is: boolean): void {
      isSealed = is
    },
    /** Replies come that much later. What was asked is done before. */
    slow(ms: number, which: (request: string) => boolean = () => true): void {
      delayOf = (request) => (which(request) ? ms : 0)
    },
    /** As another server, or what stands before it, would answer; `undefined` leaves a request to Vault. */
    instead(of: ((request: string) => Instead | undefined) | undefined): void {
      instead = of
    },
    /** Breaks the connection once, after what was asked is done. */
    loseReply(which: (request: string) => boolean): void {
      isLost = which
    },
    async close(): Promise<void> {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export type VaultServer = Awaited<ReturnType<typeof startVault>>

function noRoute(path: string): TokenAnswer {
  return { status: 404, errors: [`no handler for route "${path}". route entry not found.`] }
}

function written({ status, data = null, errors, auth = null }: TokenAnswer): Instead {
  const headers = { 'content-type': 'application/json' }
  if (errors) return { status, headers, body: JSON.stringify({ errors }) }
  if (status === 204) return { status }
  const envelope = { request_id: randomUUID(), lease_id: '', renewable: false, lease_duration: 0 }
  return { status, headers, body: JSON.stringify({ ...envelope, data, wrap_info: null, warnings: null, auth }) }
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown> | undefined> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  return text === '' ? undefined : JSON.parse(text)
}
