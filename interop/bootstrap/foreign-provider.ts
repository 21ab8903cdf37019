/** Somebody else's identity provider, which knows registration management (RFC 7592) and no PATCH. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Provider } from 'oidc-provider'

export async function startForeignProvider(rotateRegistrationAccessToken: boolean) {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const initialAccessToken = randomBytes(32).toString('base64url')
  const signingKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
  const provider = new Provider(url, {
    jwks: { keys: [{ ...signingKey, use: 'sig', alg: 'ES256', kid: 'theirs' }] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      registration: { enabled: true, initialAccessToken },
      registrationManagement: { enabled: true, rotateRegistrationAccessToken },
    },
  })
  server.on('request', provider.callback())
  return {
    url,
    initialAccessToken,
    async stop(): Promise<void> {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
