/** The peer: oidc-provider in memory, issuing ES256 JWT access tokens by resource indicator (RFC 8707). */
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'
import { announce, portOf } from './announce.ts'
import { AUDIENCE, CLIENT_ID, CLIENT_SECRET, SCOPE, TOKEN_LIFETIME_SECONDS } from './client.ts'

const signingKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })

const configuration = {
  clients: [
    {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: { keys: [{ ...signingKey, use: 'sig', alg: 'ES256', kid: 'bench' }] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => AUDIENCE,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: SCOPE,
        audience: AUDIENCE,
        accessTokenFormat: 'jwt',
        accessTokenTTL: TOKEN_LIFETIME_SECONDS,
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  extraTokenClaims: () => ({ organization_id: 'org-1' }),
}

const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${portOf(server)}`
  const provider = new Provider(issuer, configuration)
  provider.on('server_error', (_context, error) => process.stderr.write(`${error.stack}\n`))
  server.on('request', provider.callback())
  announce({ url: `${issuer}/token` })
})
