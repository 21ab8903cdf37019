/** A real identity provider that is not ours: oidc-provider with dynamic registration, over HTTP. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'

export interface Seen {
  readonly method: string
  readonly path: string
  readonly status: number
}

export interface Foreign {
  readonly url: string
  /** Requests as they came in, without the metadata document. */
  readonly requests: Seen[]
  readonly provider: Provider
  iat(): Promise<string>
  /** Keys and metadata of a client as the provider has them. */
  // biome-ignore lint/suspicious/noExplicitAny: metadata are checked member by member in the tests
  client(id: string): Promise<any>
  /** Answers in the provider's place while set; undefined passes the request on. */
  intercept:
    | ((request: IncomingMessage) => number | { status: number; headers: Record<string, string> } | undefined)
    | undefined
  close(): Promise<void>
}

export async function startForeign({ rotateRat = false, issueRat = true } = {}): Promise<Foreign> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = new Provider(url, {
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      registration: { enabled: true, initialAccessToken: true, issueRegistrationAccessToken: issueRat },
      registrationManagement: { enabled: true, rotateRegistrationAccessToken: rotateRat },
    },
    clientAuthMethods: ['private_key_jwt', 'client_secret_basic', 'none'],
    cookies: { keys: ['test'] },
    // Without its dispatcher, which lets nobody be asked for a jwks_uri on this machine.
    fetch: (url, init) => fetch(url, { ...init, dispatcher: undefined } as RequestInit),
    // The adapter in memory is shared by all providers of a process otherwise.
    adapter: memory(),
  })
  const handle = provider.callback()
  const foreign: Foreign = {
    url,
    requests: [],
    provider,
    intercept: undefined,
    iat: () => new provider.InitialAccessToken({}).save(),
    client: async (id) => (await provider.Client.find(id))?.metadata(),
    close: () => closed(server),
  }
  server.on('request', (request, response) => {
    const path = request.url ?? ''
    response.on('finish', () => {
      if (!path.includes('.well-known'))
        foreign.requests.push({ method: request.method ?? '', path, status: response.statusCode })
    })
    const instead = foreign.intercept?.(request)
    if (instead === undefined) return handle(request, response)
    const { status, headers } = typeof instead === 'number' ? { status: instead, headers: {} } : instead
    response.writeHead(status, headers).end()
  })
  return foreign
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(() => resolve()))
}

function memory() {
  const stored = new Map<string, Record<string, unknown>>()
  return (model: string) => ({
    upsert: async (id: string, payload: Record<string, unknown>) => void stored.set(`${model}:${id}`, payload),
    find: async (id: string) => stored.get(`${model}:${id}`),
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    consume: async () => undefined,
    destroy: async (id: string) => void stored.delete(`${model}:${id}`),
    revokeByGrantId: async () => undefined,
  })
}
