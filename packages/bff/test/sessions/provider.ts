/** A small identity provider over HTTP, and the port that speaks to it: for what happens between instances when it is slow, down, or says no. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { freePort } from '@rekey/database/testing'
import { BffError } from '../../src/error.ts'
import type { LogoutOrder, Provider, Tokens } from '../../src/provider/provider.ts'

export type SmallProvider = Awaited<ReturnType<typeof startSmallProvider>>

type Grant = 'refresh' | 'code'

interface Held {
  asked: Promise<void>
  letGo(): void
}

/** @param redirectUri where browsers are sent back to */
export async function startSmallProvider(redirectUri: () => string) {
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}`
  const codes = new Map<string, string>()
  const refreshTokens = new Map<string, string>()
  const holds = new Map<Grant, () => Promise<void>>()

  const idp = {
    issuer,
    /** Who logs in next. */
    user: 'ada',
    sid: 'sid-1',
    roles: ['editor', 'über,all'],
    lifeMs: 300_000,
    /** ID tokens are at least this long. */
    idTokenBytes: 0,
    /** Access tokens that expire without a way to get others. */
    givesRefreshTokens: true,
    /** Whose tokens a refresh brings, whoever it is for. */
    refreshesFor: undefined as string | undefined,
    /** What the browser brings back in the place of a code. */
    error: undefined as string | undefined,
    refreshes: 0,
    revoked: [] as string[],
    /** Nobody's refresh token is good any more. */
    forgetRefreshTokens: () => refreshTokens.clear(),
    async stop(): Promise<void> {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
    async start(): Promise<void> {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
    close: async () => {
      if (server.listening) await idp.stop()
    },
    /**
     * The next refresh, or the next code, is not answered until it is let go; those after it are.
     *
     * @returns resolves `asked` when it is there
     */
    holdNext(grant: Grant): Held {
      const [asked, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      holds.set(grant, async () => {
        asked.resolve()
        await released.promise
      })
      return { asked: asked.promise, letGo: released.resolve }
    },
    /** What the provider would post to the back channel. */
    logoutToken: (order: Partial<LogoutOrder>) =>
      Buffer.from(JSON.stringify({ iss: issuer, jti: randomUUID(), ...order })).toString('base64url'),
    port: (now: () => number) => portTo(issuer, now),
  }

  const server = createServer((request, response) => {
    void answer(request, response).catch((error) => response.destroy(error))
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', issuer)
    if (url.pathname === '/authorize') return void authorize(url, response)
    const form = new URLSearchParams(await text(request))
    if (url.pathname === '/revoke') {
      idp.revoked.push(form.get('token') ?? '')
      return void response.end()
    }
    const isRefresh = form.get('grant_type') === 'refresh_token'
    if (isRefresh) {
      idp.refreshes += 1
      await held('refresh')
    }
    const presented = form.get(isRefresh ? 'refresh_token' : 'code') ?? ''
    const owner = (isRefresh ? refreshTokens : codes).get(presented)
    const sub = owner && isRefresh ? (idp.refreshesFor ?? owner) : owner
    if (sub === undefined) return void response.writeHead(400).end(JSON.stringify({ error: 'invalid_grant' }))
    codes.delete(presented)
    const tokens = tokensFor(sub)
    if (!isRefresh) await held('code')
    response.end(JSON.stringify(tokens))
  }

  async function held(grant: Grant): Promise<void> {
    const hold = holds.get(grant)
    holds.delete(grant)
    await hold?.()
  }

  function authorize({ searchParams }: URL, response: ServerResponse): void {
    const back = new URL(redirectUri())
    back.searchParams.set('state', searchParams.get('state') ?? '')
    if (idp.error === undefined) {
      const code = randomUUID()
      codes.set(code, idp.user)
      back.searchParams.set('code', code)
    } else back.searchParams.set('error', idp.error)
    response.writeHead(302, { location: back.href }).end()
  }

  function tokensFor(sub: string) {
    const refreshToken = `rt-${randomUUID()}`
    if (idp.givesRefreshTokens) refreshTokens.set(refreshToken, sub)
    return {
      accessToken: `at-${sub}-${randomUUID()}`,
      lifeMs: idp.lifeMs,
      idToken: `id-${randomUUID()}`.padEnd(idp.idTokenBytes, 'x'),
      claims: { iss: issuer, sub, sid: idp.sid, aud: 'bff', nonce: 'n', name: 'Ada Lovelace', roles: idp.roles },
      ...(idp.givesRefreshTokens ? { refreshToken } : {}),
    }
  }

  await idp.start()
  return idp
}

function portTo(issuer: string, now: () => number): Provider {
  async function post(path: string, fields: Record<string, string>): Promise<Response> {
    try {
      return await fetch(`${issuer}${path}`, { method: 'POST', body: new URLSearchParams(fields) })
    } catch (cause) {
      throw new BffError('IDP_UNAVAILABLE', 'the provider is away', { cause })
    }
  }

  async function tokens(refusal: 'LOGIN_REFUSED' | 'REFRESH_REFUSED', fields: Record<string, string>): Promise<Tokens> {
    const response = await post('/token', fields)
    if (!response.ok) throw new BffError(refusal, 'the provider says no')
    const { lifeMs, ...rest } = (await response.json()) as Tokens & { lifeMs: number }
    return { ...rest, accessExpiresAt: now() + lifeMs }
  }

  return {
    issuer,
    async beginLogin() {
      await post('/revoke', {})
      const begun = { state: randomUUID(), nonce: randomUUID(), codeVerifier: randomUUID() }
      return { url: new URL(`${issuer}/authorize?state=${begun.state}`), begun }
    },
    async finishLogin(callback, begun) {
      const { searchParams } = callback
      if (searchParams.has('error') || searchParams.get('state') !== begun.state) {
        throw new BffError('LOGIN_REFUSED', 'the user said no')
      }
      return tokens('LOGIN_REFUSED', { grant_type: 'authorization_code', code: searchParams.get('code') ?? '' })
    },
    refresh: (token) => tokens('REFRESH_REFUSED', { grant_type: 'refresh_token', refresh_token: token }),
    async revoke(token) {
      await post('/revoke', { token })
    },
    endSessionUrl: async ({ idToken = '', returnTo }) =>
      new URL(`${issuer}/end?${new URLSearchParams({ id_token_hint: idToken, post_logout_redirect_uri: returnTo })}`),
    introspect: async () => ({ active: false }),
    async logoutOrder(token) {
      const order = Buffer.from(token, 'base64url').toString()
      if (!order.startsWith('{')) throw new BffError('INVALID_REQUEST', 'the logout token is not good')
      return JSON.parse(order)
    },
  }
}
