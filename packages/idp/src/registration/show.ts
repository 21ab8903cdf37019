import { z } from 'zod'
import type { Config } from '../config.ts'
import { clientMembers, type GivenMetadata } from './metadata.ts'
import type { ClientMetadata } from './stored.ts'

/** A registration as its client is told of it (RFC 7591 §3.2.1, RFC 7592 §3). */
export const shownRegistration = z.object({
  client_id: z.string(),
  client_id_issued_at: z.number().int().describe('Seconds since the epoch'),
  client_profile: z.string(),
  ...clientMembers,
  scope: z.string().optional().describe('What it may be granted; left out where that is nothing'),
  client_secret: z
    .string()
    .optional()
    .describe('Never shown again. Only where its method of authentication is by a secret'),
  client_secret_expires_at: z.literal(0).optional(),
  registration_access_token: z
    .string()
    .describe(
      'For this registration. A newer one than that which the request was made by takes its place once it is used',
    ),
  registration_client_uri: z.string().describe('Where the registration is read, changed and deleted'),
})

export interface ShownClient {
  clientId: string
  profile: string
  scopes: readonly string[]
  metadata: ClientMetadata
  registeredAt: number
}

export function showRegistration(
  { issuer }: Pick<Config, 'issuer'>,
  { clientId, profile, scopes, metadata, registeredAt }: ShownClient,
  token: string,
  clientSecret?: string,
): z.infer<typeof shownRegistration> {
  return {
    ...(metadata as GivenMetadata),
    client_id: clientId,
    client_id_issued_at: Math.floor(registeredAt / 1_000),
    client_profile: profile,
    // RFC 6749 §3.3: there is no empty one.
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    ...(clientSecret === undefined ? {} : { client_secret: clientSecret, client_secret_expires_at: 0 as const }),
    registration_access_token: token,
    registration_client_uri: registrationUri(issuer, clientId),
  }
}

/** The id of a client that registered needs no escapes. */
export function registrationUri(issuer: string, clientId: string): string {
  return `${issuer}/api/oidc/register/${clientId}`
}

/** A registration's revision as an entity tag (RFC 9110 §8.8.3). */
export function etagOf(revision: number): string {
  return `"${revision}"`
}
