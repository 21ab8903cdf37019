/** The peer: oidc-provider in memory, issuing ES256 JWT access tokens by resource indicator (RFC 8707). */
import { CLIENT_SECRET } from './client.ts'
import { issuing, servePeer } from './peer.ts'

servePeer('/token', issuing({ client_secret: CLIENT_SECRET, token_endpoint_auth_method: 'client_secret_basic' }))
