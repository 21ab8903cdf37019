/** An identity provider with a user and a client, and a client of OpenID Connect that is not ours. */
import assert from 'node:assert/strict'
import type { webcrypto } from 'node:crypto'
import * as oidc from 'openid-client'
import type { TestInstance } from '../estate.ts'
import { type RegistrationWish, registerClient, type TestClient } from '../registration/client.ts'
import { hasForm, type Seen, type UserAgent, userAgent } from './user-agent.ts'

export const audience = 'urn:rekey:api'
export const redirectUri = 'https://app.example.com/callback'
export const password = 'correct horse battery'

export interface TestUser {
  accountId: string
  username: string
}

let users = 0

export async function makeUser(idp: TestInstance, more: object = {}): Promise<TestUser> {
  users += 1
  const asked = {
    username: `user-${users}`,
    name: 'Ada L',
    email: 'ada@example.com',
    emailVerified: true,
    password,
    ...more,
  }
  const { status, body } = await idp.manage('POST', '/api/v1/accounts', asked)
  assert.equal(status, 201, idp.lines.at(-1))
  return body
}

/** A client that logs users in. */
export function registerWeb(idp: TestInstance, wish: RegistrationWish = {}): Promise<TestClient> {
  return registerClient(idp, { profile: 'code-flow-pkjwt', redirect_uris: [redirectUri], ...wish })
}

/** That client as `openid-client` knows it. */
export async function discovered(
  url: string,
  client: TestClient,
  byOther?: oidc.ClientAuth,
): Promise<oidc.Configuration> {
  const { token_endpoint_auth_method: method } = client.metadata
  const ways: Record<string, () => oidc.ClientAuth> = {
    private_key_jwt: () => oidc.PrivateKeyJwt({ key: keyOf(client), kid: client.kid }),
    client_secret_basic: () => oidc.ClientSecretBasic(client.secret),
    client_secret_post: () => oidc.ClientSecretPost(client.secret),
    client_secret_jwt: () => oidc.ClientSecretJwt(client.secret),
    none: () => oidc.None(),
  }
  // A token may have expired before it is looked at, on a busy machine or because it is to live for a second.
  const metadata = { [oidc.clockTolerance]: 60 }
  return oidc.discovery(new URL(url), client.clientId, metadata, byOther ?? ways[method]?.(), {
    execute: [oidc.allowInsecureRequests],
  })
}

const cryptoKeys = new Map<string, webcrypto.CryptoKey>()

function keyOf({ kid }: TestClient): webcrypto.CryptoKey {
  const key = cryptoKeys.get(kid)
  assert.ok(key, 'prepare the client first')
  return key
}

/** `openid-client` signs by keys of WebCrypto alone. */
export async function prepared(client: TestClient): Promise<TestClient> {
  const pkcs8 = client.privateKey.export({ format: 'der', type: 'pkcs8' })
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  cryptoKeys.set(client.kid, await crypto.subtle.importKey('pkcs8', new Uint8Array(pkcs8), algorithm, false, ['sign']))
  return client
}

/** A login that a client began: where the browser is to go, and what the client remembers. */
export async function beginLogin(config: oidc.Configuration, more: Record<string, string> = {}, isPushed = false) {
  const verifier = oidc.randomPKCECodeVerifier()
  const state = oidc.randomState()
  const parameters = {
    redirect_uri: redirectUri,
    scope: 'openid profile email',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    ...more,
  }
  const url = isPushed
    ? await oidc.buildAuthorizationUrlWithPAR(config, parameters)
    : oidc.buildAuthorizationUrl(config, parameters)
  return { url: url.href, checks: { pkceCodeVerifier: verifier, expectedState: state, idTokenExpected: true } }
}

export type Begun = Awaited<ReturnType<typeof beginLogin>>

/** Whether the user was led back to the client. */
export const isBack = ({ url }: Seen) => url.href.startsWith(redirectUri)

/** Types in who it is. @returns the page that follows: consent, or away to the client */
export function typeIn(agent: UserAgent, page: Seen, { username }: TestUser): Promise<Seen> {
  return agent.submit(page, '/login', { username, password })
}

/** Consents, where that is asked. @returns where the client is told of it */
export async function consent(agent: UserAgent, page: Seen): Promise<Seen> {
  return hasForm(page, '/consent') ? agent.submit(page, '/consent') : page
}

/** The whole way of a user from the client to the provider and back. */
export async function logIn(url: string, user: TestUser, begun: Begun, by: UserAgent = userAgent(url)): Promise<URL> {
  const page = await by.go(begun.url)
  const next = hasForm(page, '/login') ? await typeIn(by, page, user) : page
  const back = await consent(by, next)
  assert.ok(isBack(back), `${back.status} ${back.url} ${back.page.slice(0, 3_000)}`)
  return back.url
}

/** Gets tokens for a user. */
export async function tokensFor(
  url: string,
  config: oidc.Configuration,
  user: TestUser,
  more: Record<string, string> = {},
  by: UserAgent = userAgent(url),
) {
  const begun = await beginLogin(config, more)
  const back = await logIn(url, user, begun, by)
  return oidc.authorizationCodeGrant(config, back, begun.checks, resourceOf(more))
}

function resourceOf({ resource }: Record<string, string>): Record<string, string> {
  return resource === undefined ? {} : { resource }
}
