/** The peer of a benchmark: oidc-provider in memory, in a process of its own. */
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { type ClientMetadata, type Configuration, Provider } from 'oidc-provider'
import { announce, portOf } from './announce.ts'
import { AUDIENCE, CLIENT_ID, SCOPE, TOKEN_LIFETIME_SECONDS } from './client.ts'

/** @param path of the endpoint that is told to whoever started the process */
export function servePeer(path: string, configuration: Configuration): void {
  const signingKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
  const jwks = { keys: [{ ...signingKey, use: 'sig', alg: 'ES256', kid: 'bench' }] }
  const features = { clientCredentials: { enabled: true }, devInteractions: { enabled: false } }
  const server = createServer()
  server.listen(0, '127.0.0.1', () => {
    const issuer = `http://127.0.0.1:${portOf(server)}`
    const provider = new Provider(issuer, {
      ...configuration,
      jwks,
      features: { ...features, ...configuration.features },
    })
    provider.on('server_error', (_context, error) => process.stderr.write(`${error.stack}\n`))
    server.on('request', provider.callback())
    announce({ url: issuer + path })
  })
}

/**
 * Issues ES256 JWT access tokens by resource indicator (RFC 8707) to one client.
 *
 * @param authentication how that client authenticates
 */
export function issuing(authentication: Partial<ClientMetadata>): Configuration {
  const client = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }
  return {
    clients: [{ client_id: CLIENT_ID, ...client, id_token_signed_response_alg: 'ES256', ...authentication }],
    features: {
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
}
