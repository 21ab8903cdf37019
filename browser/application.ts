/** An application that people log in to: its page they are led back to, and what it does with the code. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Rekey } from '@rekey/idp/testing'
import * as client from 'openid-client'

export type Application = Awaited<ReturnType<typeof startApplication>>

export async function startApplication(idp: Rekey) {
  const server = createServer((_, response) => {
    // Chromium asks for an icon.
    response.writeHead(200, { 'content-type': 'text/html' })
    response.end('<!doctype html><html lang="en"><title>Application</title><h1>Back at the application</h1></html>')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const [redirectUri, loggedOutUri] = [`${url}/callback`, `${url}/bye`]
  const config = await client.dynamicClientRegistration(
    new URL(idp.url),
    {
      client_name: 'Analytical <Engines> & Sons',
      redirect_uris: [redirectUri],
      post_logout_redirect_uris: [loggedOutUri],
      token_endpoint_auth_method: 'client_secret_basic',
    },
    client.ClientSecretBasic(),
    {
      execute: [client.allowInsecureRequests],
      initialAccessToken: await idp.initialAccess({ client_profile: 'code-flow-secret' }),
    },
  )

  return {
    url,
    loggedOutUri,
    config,
    /** Where a login begins, and what makes tokens of the address that it ends at. */
    async login(more: Record<string, string> = {}) {
      const pkceCodeVerifier = client.randomPKCECodeVerifier()
      const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()]
      const begin = client.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: 'openid profile email offline_access',
        prompt: 'consent',
        code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
        state: expectedState,
        nonce: expectedNonce,
        ...more,
      })
      const complete = (address: string) =>
        client.authorizationCodeGrant(config, new URL(address), {
          pkceCodeVerifier,
          expectedState,
          expectedNonce,
          idTokenExpected: true,
        })
      return { begin: begin.href, complete }
    },
    logoutUrl(idToken: string): string {
      const parameters = { id_token_hint: idToken, post_logout_redirect_uri: loggedOutUri }
      return client.buildEndSessionUrl(config, parameters).href
    },
    async stop(): Promise<void> {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
