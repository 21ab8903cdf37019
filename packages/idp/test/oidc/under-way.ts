/** Flows of a client, each in two halves: what comes before the keys change, and what comes after. */
import assert from 'node:assert/strict'
import * as oidc from 'openid-client'
import { decodeUnverified, eventually } from '../estate.ts'
import { audience, type Begun, beginLogin, consent, logIn, type TestUser, tokensFor, typeIn } from './setting.ts'
import { type UserAgent, userAgent } from './user-agent.ts'

export const goodbye = 'https://app.example.com/goodbye'

/** A client, a user, and where they are. */
export interface Parties {
  url: string
  clientId: string
  config: oidc.Configuration
  user: TestUser
  /** The logout tokens that the clients were sent. */
  told: readonly string[]
}

export interface UnderWay {
  /** JWTs for APIs that the client has already. */
  held: string[]
  /**
   * @param isOldGood whether what the old key signed is believed
   * @returns what was signed for the client in the end; one of them is for APIs
   */
  end(isOldGood: boolean): Promise<string[]>
}

const asked = { resource: audience, prompt: 'consent', scope: 'openid offline_access' }

type Tokens = Awaited<ReturnType<typeof tokensFor>>

const signedOf = ({ access_token: access, id_token: id }: Tokens): string[] => [access, id ?? '']

async function redeemed({ config }: Parties, back: URL, { checks }: Begun): Promise<string[]> {
  return signedOf(await oidc.authorizationCodeGrant(config, back, checks, { resource: audience }))
}

async function loginAnew({ url, config, user }: Parties, by: UserAgent): Promise<string[]> {
  return signedOf(await tokensFor(url, config, user, asked, by))
}

async function codeNotRedeemed(at: Parties): Promise<UnderWay> {
  const begun = await beginLogin(at.config, asked)
  const back = await logIn(at.url, at.user, begun)
  return { held: [], end: () => redeemed(at, back, begun) }
}

async function requestPushed(at: Parties): Promise<UnderWay> {
  const begun = await beginLogin(at.config, asked, true)
  assert.match(begun.url, /request_uri=urn/)
  return { held: [], end: async () => redeemed(at, await logIn(at.url, at.user, begun), begun) }
}

async function loginPageOpen(at: Parties): Promise<UnderWay> {
  const by = userAgent(at.url)
  const begun = await beginLogin(at.config, asked)
  const page = await by.go(begun.url)
  const end = async () => redeemed(at, (await consent(by, await typeIn(by, page, at.user))).url, begun)
  return { held: [], end }
}

async function consentPageOpen(at: Parties): Promise<UnderWay> {
  const by = userAgent(at.url)
  const begun = await beginLogin(at.config, asked)
  const page = await typeIn(by, await by.go(begun.url), at.user)
  return { held: [], end: async () => redeemed(at, (await by.submit(page, '/consent')).url, begun) }
}

async function refreshTokenHeld(at: Parties): Promise<UnderWay> {
  const { access_token: held, refresh_token: token = '' } = await tokensFor(at.url, at.config, at.user, asked)
  return { held: [held], end: async () => signedOf(await oidc.refreshTokenGrant(at.config, token)) }
}

async function ownTokenHeld({ config }: Parties): Promise<UnderWay> {
  const grant = async () => (await oidc.clientCredentialsGrant(config)).access_token
  return { held: [await grant()], end: async () => [await grant()] }
}

async function accessTokenForUserinfo(at: Parties): Promise<UnderWay> {
  const by = userAgent(at.url)
  const { access_token: token } = await tokensFor(at.url, at.config, at.user, {}, by)
  const end = async () => {
    const { accountId, username } = at.user
    assert.equal((await oidc.fetchUserInfo(at.config, token, accountId)).preferred_username, username)
    return loginAnew(at, by)
  }
  return { held: [], end }
}

async function hintOfLogout(at: Parties): Promise<UnderWay> {
  const by = userAgent(at.url)
  const { id_token: hint = '' } = await tokensFor(at.url, at.config, at.user, {}, by)
  const ask = (more: Record<string, string>) =>
    by.go(oidc.buildEndSessionUrl(at.config, { post_logout_redirect_uri: goodbye, ...more }).href)
  const end = async (isOldGood: boolean) => {
    const hinted = await ask({ id_token_hint: hint })
    assert.equal(hinted.status, isOldGood ? 200 : 400)
    const gone = await by.submit(isOldGood ? hinted : await ask({}), '/session/end/confirm', { logout: 'yes' })
    assert.equal(gone.url.href, goodbye)
    const told = await eventually(
      async () => at.told.filter((token) => decodeUnverified(token).payload.aud === at.clientId),
      (found) => found.length === 1,
    )
    return [...told, ...(await loginAnew(at, by))]
  }
  return { held: [], end }
}

/** By what a client goes on after the keys changed. */
export const flows = {
  'redeems its code': codeNotRedeemed,
  'logs a user in by the request that it pushed': requestPushed,
  'gets tokens for whoever had the login page open': loginPageOpen,
  'gets tokens for whoever had the consent page open': consentPageOpen,
  'uses its refresh token': refreshTokenHeld,
  'gets tokens of its own': ownTokenHeld,
  'asks who the user of its access token is': accessTokenForUserinfo,
  'logs a user out by his ID token': hintOfLogout,
} satisfies Record<string, (at: Parties) => Promise<UnderWay>>
