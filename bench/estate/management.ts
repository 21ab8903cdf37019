import { basic, type Credential } from './clients.ts'

/** What the token endpoint answers. */
interface TokenReply {
  readonly access_token: string
  /** Seconds. */
  readonly expires_in: number
}

/** Asks the token endpoint by client_secret_basic. @throws Error for anything but a token */
export async function tokenFor(idp: string, credential: Credential, scope?: string): Promise<TokenReply> {
  const reply = await fetch(`${idp}/api/v1/token`, {
    method: 'POST',
    headers: { authorization: basic(credential) },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...(scope ? { scope } : {}) }),
  })
  const body = await reply.text()
  if (reply.status !== 200) throw new Error(`no token: ${reply.status} ${body}`)
  return JSON.parse(body) as TokenReply
}

/** Administers an estate. */
export class Management {
  readonly #admin: Credential
  #bearer = ''
  #renewAtMs = 0

  constructor(admin: Credential) {
    this.#admin = admin
  }

  rotate(idp: string, name: string): Promise<unknown> {
    return this.call('POST', `${idp}/api/v1/keyrings/${name}/rotate`, {})
  }

  revoke(idp: string, name: string, id: string): Promise<unknown> {
    return this.call('POST', `${idp}/api/v1/keyrings/${name}/revoke`, { id, reason: 'benchmark' })
  }

  /** @throws Error for anything but 2xx */
  async call(method: string, url: string, body: object): Promise<unknown> {
    const bearer = await this.token(new URL(url).origin)
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' }
    const reply = await fetch(url, { method, headers, body: JSON.stringify(body) })
    const text = await reply.text()
    if (!reply.ok) throw new Error(`${method} ${url}: ${reply.status} ${text}`)
    return JSON.parse(text)
  }

  /** A bearer token. Where tokens live for seconds, so do those for administration. */
  async token(idp: string): Promise<string> {
    const now = performance.now()
    if (now < this.#renewAtMs) return this.#bearer
    const { access_token, expires_in } = await tokenFor(idp, this.#admin, 'management')
    this.#bearer = access_token
    this.#renewAtMs = now + expires_in * 500
    return access_token
  }
}
