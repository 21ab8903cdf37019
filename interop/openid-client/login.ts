import assert from 'node:assert/strict'
import { type UserAgent, user } from '@rekey/idp/testing'
import * as client from 'openid-client'

export const redirectUri = 'https://app.example/callback'
export const loggedOutUri = 'https://app.example/bye'
export const scope = 'openid profile email offline_access'

/** The stages of a login at which something may happen. */
export type Stage = 'before the form' | 'form shown' | 'logged in' | 'before the exchange'

export interface LoginOptions {
  /** Awaited at each stage. */
  readonly meanwhile?: (stage: Stage) => Promise<void>
  readonly parameters?: Record<string, string>
  /** Whether the authorization request is pushed (RFC 9126). */
  readonly isPushed?: boolean
}

/** A whole login by code and PKCE, all of whose checks are openid-client's. */
export async function logIn(config: client.Configuration, agent: UserAgent, options: LoginOptions = {}) {
  const { meanwhile = async () => undefined, parameters, isPushed = false } = options
  const [pkceCodeVerifier, expectedState, expectedNonce] = [
    client.randomPKCECodeVerifier(),
    client.randomState(),
    client.randomNonce(),
  ]
  const wanted = {
    redirect_uri: redirectUri,
    scope,
    prompt: 'consent',
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
    ...parameters,
  }
  const url = isPushed
    ? await client.buildAuthorizationUrlWithPAR(config, wanted)
    : client.buildAuthorizationUrl(config, wanted)
  await meanwhile('before the form')
  const form = await agent.go(url)
  await meanwhile('form shown')
  const asked = await agent.submit(form, '/login', user)
  await meanwhile('logged in')
  const { url: callback } = await agent.submit(asked, '/consent')
  await meanwhile('before the exchange')
  const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true }
  const tokens = await client.authorizationCodeGrant(config, callback, checks)
  const claims = tokens.claims()
  assert(claims, 'there is no id token')
  return { tokens, claims }
}

/** The `kid` in the header of a JWT. */
export function kidOf(jwt: string | undefined): string {
  return JSON.parse(Buffer.from(jwt?.split('.')[0] ?? '', 'base64url').toString()).kid
}
