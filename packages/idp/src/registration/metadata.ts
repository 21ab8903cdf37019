import { lineOf } from '@rekey/service'
import { z } from 'zod'
import { authenticationMethods } from '../tokens/authentication/presented.ts'

export const grantTypes = ['authorization_code', 'refresh_token', 'client_credentials'] as const

/** The ways in which a client may have registered to authenticate, as metadata names them. */
export const authenticationMethodsOfClients = [...authenticationMethods, 'none'] as const

const address = lineOf(2_000)
const name = lineOf(200)
const names = z.array(name).max(20)

/** What a client says of itself (RFC 7591 §2; OpenID Connect Registration, RP-Initiated and Back-Channel Logout). Other members are dropped. */
export const clientMembers = {
  client_name: name.optional().describe('Shown to users who are asked whether they consent'),
  client_uri: address.optional(),
  logo_uri: address.optional(),
  policy_uri: address.optional(),
  tos_uri: address.optional(),
  contacts: z.array(lineOf(320)).max(20).optional(),
  software_id: name.optional(),
  software_version: name.optional(),
  application_type: z.enum(['web', 'native']).optional(),
  redirect_uris: z
    .array(address)
    .max(50)
    .optional()
    .describe(
      'https, or http on a loopback address; no fragment, no wildcard. Of a native client also a private scheme with a dot',
    ),
  post_logout_redirect_uris: z.array(address).max(50).optional(),
  grant_types: z.array(z.enum(grantTypes)).max(10).optional(),
  response_types: z.array(name).max(10).optional(),
  response_modes: z.array(name).max(10).optional(),
  token_endpoint_auth_method: z.enum(authenticationMethodsOfClients).optional(),
  token_endpoint_auth_signing_alg: name.optional(),
  jwks: z
    .looseObject({ keys: z.array(z.record(z.string().max(100), z.unknown())) })
    .optional()
    .describe('Its public keys, of use from this moment on. Not together with jwks_uri'),
  jwks_uri: address.optional().describe('Where its public keys are published'),
  scope: z.string().max(4_000).optional().describe('Divided by spaces, of those that its profile allows'),
  subject_type: name.optional(),
  id_token_signed_response_alg: name.optional(),
  default_max_age: z.number().int().nonnegative().optional(),
  require_auth_time: z.boolean().optional(),
  default_acr_values: names.optional(),
  initiate_login_uri: address.optional(),
  sector_identifier_uri: address.optional().describe('Refused: subjects are public here'),
  backchannel_logout_uri: address.optional(),
  backchannel_logout_session_required: z.boolean().optional(),
  require_pushed_authorization_requests: z.boolean().optional(),
}

export const clientMetadata = z.object(clientMembers)

/** Metadata as somebody sent it, of the right types and not yet judged. */
export type GivenMetadata = z.infer<typeof clientMetadata>
