/** The peer: oidc-provider in memory, which authenticates a client by private_key_jwt and issues ES256 JWT access tokens. */
import { issuing, servePeer } from '../token/peer.ts'

const [clientKey = '{}'] = process.argv.slice(2)

servePeer('/token', {
  ...issuing({
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: { keys: [JSON.parse(clientKey)] },
  }),
  clientAuthMethods: ['private_key_jwt'],
})
