import { claimsByScope } from '../accounts/claims.ts'
import { type Config, signingKeyrings } from '../config.ts'
import { grantTypes } from '../registration/metadata.ts'
import { authenticationMethods } from '../tokens/authentication/presented.ts'
import { assertionAlgorithms } from '../tokens/authentication/secret-assertion.ts'
import { managementScopes } from '../tokens/scopes.ts'
import { userScopes } from '../tokens/user-scopes.ts'
import { providerRoutes } from './configuration.ts'

/** The server's metadata (RFC 8414, OpenID Connect Discovery 1.0 §3). */
export function metadataOf({ issuer }: Pick<Config, 'issuer'>) {
  const at = (path: string) => issuer + path
  return {
    issuer,
    authorization_endpoint: at(providerRoutes.authorization),
    token_endpoint: at(providerRoutes.token),
    userinfo_endpoint: at(providerRoutes.userinfo),
    pushed_authorization_request_endpoint: at(providerRoutes.pushed_authorization_request),
    end_session_endpoint: at(providerRoutes.end_session),
    registration_endpoint: at('/api/oidc/register'),
    introspection_endpoint: at('/api/v1/token/introspect'),
    revocation_endpoint: at('/api/v1/token/revoke'),
    jwks_uri: at('/.well-known/jwks.json'),
    federation_historical_keys_endpoint: at('/.well-known/federation-historical-keys'),
    grant_types_supported: grantTypes,
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    code_challenge_methods_supported: ['S256'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: signingKeyrings.map(({ algorithm }) => algorithm),
    ...authenticationAt('token', ['none']),
    ...authenticationAt('introspection'),
    ...authenticationAt('revocation', ['none']),
    scopes_supported: [...userScopes, ...managementScopes],
    claims_supported: [
      'sub',
      'sid',
      'auth_time',
      'amr',
      'iss',
      'organization_id',
      ...Object.values(claimsByScope).flat(),
    ],
    claim_types_supported: ['normal'],
    authorization_response_iss_parameter_supported: true,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    claims_parameter_supported: false,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
  }
}

/** RFC 8414 §2: clients authenticate in the same ways everywhere. @param more in which those come that cannot authenticate */
function authenticationAt(endpoint: string, more: readonly string[] = []) {
  return {
    [`${endpoint}_endpoint_auth_methods_supported`]: [...authenticationMethods, ...more],
    [`${endpoint}_endpoint_auth_signing_alg_values_supported`]: assertionAlgorithms,
  }
}
