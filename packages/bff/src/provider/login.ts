import { isExposed } from '@rekey/service'
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildAuthorizationUrlWithPAR,
  calculatePKCECodeChallenge,
  None,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  type ServerMetadata,
  type TokenEndpointResponse,
} from 'openid-client'
import type { Clock } from '../clock.ts'
import { BffError } from '../error.ts'
import { authenticated, configurationOf, ProviderFailure } from './authenticated.ts'
import { type Parts, resourceOf } from './parts.ts'
import type { BegunLogin, Tokens } from './provider.ts'
import { tokensOf } from './tokens.ts'
import { registeredClientId, unavailable } from './unavailable.ts'

/** Somebody looks at an empty page meanwhile. */
const patienceMs = 5_000

/** At once, of all users: a provider that takes connections and says nothing must not have this one fill up with whoever waits. */
const mostBeginning = 128

/** @param clock monotonic */
export function loginBeginner(parts: Parts, clock: Clock): () => ReturnType<typeof beginLogin> {
  let beginning = 0
  return async () => {
    if (beginning >= mostBeginning) {
      throw new BffError('IDP_UNAVAILABLE', 'too many logins wait for the identity provider; try again')
    }
    beginning += 1
    try {
      return await beginLogin({ ...parts, patience: { clock, until: clock() + patienceMs } })
    } finally {
      beginning -= 1
    }
  }
}

/** Where a browser is sent to log in. Where the provider takes it, what is asked for does not go through the browser (RFC 9126). */
async function beginLogin(parts: Parts): Promise<{ url: URL; begun: BegunLogin }> {
  const metadata = await parts.metadata.current()
  const clientId = registeredClientId(parts)
  parts.signatures.prepare(metadata, clientId)
  if (!parts.allowPlaintext && isExposed(new URL(String(metadata.authorization_endpoint)))) {
    throw new BffError('IDP_UNAVAILABLE', 'the identity provider would have users log in in plaintext')
  }
  const begun = { state: randomState(), nonce: randomNonce(), codeVerifier: randomPKCECodeVerifier() }
  const asked = await askedFor(parts, begun)
  if (metadata.pushed_authorization_request_endpoint === undefined) {
    const url = buildAuthorizationUrl(configurationOf(parts, metadata, { clientId, authenticate: None() }), asked)
    return { url, begun }
  }
  try {
    return { url: await authenticated(parts, (by) => buildAuthorizationUrlWithPAR(by, asked)), begun }
  } catch (error) {
    throw unavailable(parts, error)
  }
}

async function askedFor(parts: Parts, { state, nonce, codeVerifier }: BegunLogin) {
  const { scope, redirectUri } = parts
  return {
    redirect_uri: redirectUri,
    scope,
    ...resourceOf(parts),
    state,
    nonce,
    code_challenge: await calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
    // OpenID Connect Core 1.0 §11: without it the scope counts for nothing.
    ...(scope.split(' ').includes('offline_access') ? { prompt: 'consent' } : {}),
  }
}

/** Takes what the browser brings back, and gets tokens for it. */
export async function finishLogin(parts: Parts, callback: URL, begun: BegunLogin): Promise<Tokens> {
  const metadata = await parts.metadata.current()
  const askedAt = parts.clock()
  // A proxy may have changed everything but the query; RFC 6749 §4.1.3 wants the very address that was asked for.
  const back = new URL(parts.redirectUri)
  back.search = callback.search
  const response = await exchanged(parts, back, begun)
  return tokensOf(response, { askedAt, signed: await signed(parts, response, metadata) })
}

async function exchanged(parts: Parts, back: URL, begun: BegunLogin): Promise<TokenEndpointResponse> {
  try {
    const response = await authenticated(parts, (by) =>
      authorizationCodeGrant(
        by,
        back,
        {
          pkceCodeVerifier: begun.codeVerifier,
          expectedState: begun.state,
          expectedNonce: begun.nonce,
          idTokenExpected: true,
        },
        resourceOf(parts),
      ),
    )
    parts.metrics.tokenExchanges.inc({ grant_type: 'authorization_code', status: 'success' })
    return response
  } catch (error) {
    parts.metrics.tokenExchanges.inc({ grant_type: 'authorization_code', status: 'failed' })
    throw refusedOrUnavailable(parts, error)
  }
}

function refusedOrUnavailable(parts: Parts, error: unknown): BffError {
  if (!(error instanceof ProviderFailure)) return unavailable(parts, error)
  // The first try may have used the code up, and its reply was lost: that is no fault of the user's.
  const isLost = error.failure === 'grant' && error.isRepeated
  if (isLost || !['grant', 'refused'].includes(error.failure)) return unavailable(parts, error)
  parts.log.info({ err: error.cause }, 'a login was refused')
  return new BffError('LOGIN_REFUSED', 'the login was not completed; begin again', { cause: error })
}

/** The library checks the claims of an ID token; that it was signed by the provider is checked besides, by its keys as they are now. */
async function signed(parts: Parts, { id_token: idToken = '' }: TokenEndpointResponse, metadata: ServerMetadata) {
  try {
    const { typ, claims } = await parts.signatures.verified(idToken, metadata, registeredClientId(parts), true)
    if (typ !== undefined && typ !== 'jwt') throw new BffError('LOGIN_REFUSED', 'the ID token is another sort of token')
    parts.metrics.tokenValidations.inc({ token_type: 'id_token', status: 'success' })
    return claims
  } catch (error) {
    parts.metrics.tokenValidations.inc({ token_type: 'id_token', status: 'failed' })
    if (error instanceof BffError) throw error
    parts.log.warn({ err: error }, 'an ID token is not good')
    throw new BffError('LOGIN_REFUSED', 'the ID token is not good; begin again', { cause: error })
  }
}
