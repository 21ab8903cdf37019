/**
 * A real identity provider that is not ours: oidc-provider over HTTP. Whoever is sent to it is logged in as `user` at once, and consents. It
 * can be down and come back as it was, answer what a test wants, change its keys, and know several secrets of one client.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { freePort } from '@rekey/database/testing'
import type Provider from 'oidc-provider'
import type { JWK } from 'oidc-provider'
import { type ClientWish, metadataOf } from './provider/client.ts'
import { configured, type Life, newSigningKey } from './provider/configuration.ts'
import { memory } from './provider/memory.ts'

export { browser, type TestBrowser } from './provider/browser.ts'
export { type ClientWish, newClientKey } from './provider/client.ts'

export interface ProviderWish {
  /** Whether it offers pushed authorization requests; it does by default. */
  readonly par?: boolean
  /** How long a refresh token that was used is good once more; 10 s by default. */
  readonly refreshReuseMs?: number
  /** Seconds; by default 300 for access tokens, and 3600 for everything else. */
  readonly life?: Life
}

type Endpoint =
  | 'auth'
  | 'par'
  | 'token'
  | 'introspection'
  | 'revocation'
  | 'jwks'
  | 'metadata'
  | 'logout'
  | 'userinfo'
  | 'reg'

/** What to answer in the provider's place: a status, some JSON, or `reset` to hang up. Undefined passes the request on. */
type Instead =
  | number
  | { readonly status: number; readonly body: string; readonly headers?: Readonly<Record<string, string>> }
  | 'reset'
  | undefined

/** Starts one on a port of its own. */
export async function startProvider(wish: ProviderWish = {}) {
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}`
  const state = memory(wish.refreshReuseMs ?? 10_000)
  const secrets = new Map<string, readonly string[]>()
  const counts = new Map<Endpoint, number>()
  let keys: readonly JWK[] = [await newSigningKey()]
  let provider = made()

  function made(): Provider {
    return configured(issuer, { par: wish.par ?? true, life: wish.life ?? {}, adapter: state.adapter, keys, secrets })
  }

  const server = createServer((request, response) => {
    void answer(request, response).catch((error) => response.destroy(error))
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const endpoint = endpointOf(request.url ?? '')
    if (endpoint !== undefined) counts.set(endpoint, idp.count(endpoint) + 1)
    const instead = await idp.intercept?.(request, endpoint)
    if (instead === 'reset') return void request.socket.destroy()
    if (typeof instead === 'number') return void response.writeHead(instead).end()
    if (instead !== undefined) {
      const { status, headers, body } = instead
      return void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
    }
    if (request.url?.startsWith('/interaction/')) return interact(request, response)
    await provider.callback()(request, response)
  }

  async function interact(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { params } = await provider.interactionDetails(request, response)
    const said = idp.refuses
      ? { error: 'access_denied', error_description: 'the user said no' }
      : { login: { accountId: idp.user }, consent: { grantId: await granted(params) } }
    await provider.interactionFinished(request, response, said, { mergeWithLastSubmission: false })
  }

  function granted({ client_id: clientId, scope, resource }: Record<string, unknown>): Promise<string> {
    const grant = new provider.Grant({ accountId: idp.user, clientId: String(clientId) })
    grant.addOIDCScope(String(scope))
    if (typeof resource === 'string') grant.addResourceScope(resource, String(scope))
    return grant.save()
  }

  const idp = {
    issuer,
    /** Who is logged in next, by `sub`. */
    user: 'user-1',
    /** The user says no. */
    refuses: false,
    /** Asked before each request. */
    intercept: undefined as
      | ((request: IncomingMessage, endpoint: Endpoint | undefined) => Instead | Promise<Instead>)
      | undefined,
    /** The oidc-provider behind it, for whatever is not offered here. */
    get provider(): Provider {
      return provider
    },
    /** How many requests came to an endpoint. */
    count: (endpoint: Endpoint): number => counts.get(endpoint) ?? 0,
    /** Adds a client, or replaces it. */
    async addClient(client: ClientWish): Promise<void> {
      if (client.secret !== undefined) secrets.set(client.clientId, [client.secret])
      await state.adapter('Client').upsert(client.clientId, metadataOf(client), 0)
    },
    /** Every secret that a client may authenticate by from now on. */
    setSecrets: (clientId: string, given: readonly string[]): void => void secrets.set(clientId, given),
    /** An initial access token for a registration. */
    initialAccessToken: (): Promise<string> => new provider.InitialAccessToken({}).save(),
    /** The client's metadata as they are now, registered ones too. */
    clientMetadata: async (clientId: string) => (await provider.Client.find(clientId))?.metadata(),
    /** Signs by another key; the one before is served no more unless it is to be kept. */
    async changeSigningKey({ keep = false } = {}): Promise<void> {
      keys = [await newSigningKey(), ...(keep ? keys : [])]
      provider = made()
    },
    /** The private key that signs, to make tokens with that the provider would not. */
    signingKey: (): JWK => keys[0] as JWK,
    /** Sends a logout token to where the client is told of logouts. */
    async sendLogout(clientId: string, sub: string, sid?: string): Promise<void> {
      // oidc-provider has this and its types do not.
      const client = (await provider.Client.find(clientId)) as unknown as {
        backchannelLogout(sub: string, sid?: string): Promise<void>
      }
      await client.backchannelLogout(sub, sid)
    },
    /** Everything that was issued to a user is good no more. */
    forget: (sub: string): void => state.forget(sub),
    /** Nobody listens any more, and what was open is cut. */
    async stop(): Promise<void> {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
    /** Listens again at the same place, with everything that it knew. */
    start: (): Promise<void> =>
      new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', () => resolve())),
    close: async (): Promise<void> => {
      if (server.listening) await idp.stop()
    },
  }
  await idp.start()
  return idp
}

export type TestProvider = Awaited<ReturnType<typeof startProvider>>

const endpoints: readonly [string, Endpoint][] = [
  ['/request', 'par'],
  ['/token/introspection', 'introspection'],
  ['/token/revocation', 'revocation'],
  ['/token', 'token'],
  ['/auth', 'auth'],
  ['/jwks', 'jwks'],
  ['/.well-known/', 'metadata'],
  ['/session/end', 'logout'],
  ['/me', 'userinfo'],
  ['/reg', 'reg'],
]

function endpointOf(url: string): Endpoint | undefined {
  return endpoints.find(([path]) => url.startsWith(path))?.[1]
}
