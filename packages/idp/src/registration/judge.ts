import type { Config } from '../config.ts'
import { OAuthError } from '../error.ts'
import { requireGoodAddresses } from './addresses.ts'
import { readKeySet } from './key-set.ts'
import { clientMembers, type GivenMetadata } from './metadata.ts'
import type { Profile } from './profiles.ts'
import type { ClientMetadata } from './stored.ts'

/**
 * What the OpenID provider makes of metadata, with what it left out.
 *
 * @throws OAuthError `invalid_client_metadata`, `invalid_redirect_uri`
 */
export type Validate = (metadata: ClientMetadata) => Promise<ClientMetadata>

/** What the provider does not keep, or knows worse. */
const ours = ['software_id', 'software_version', 'jwks'] as const
/** Scopes are the agent's. */
const known: readonly string[] = Object.keys(clientMembers).filter((member) => member !== 'scope')

/**
 * Judges what a client wants to have registered by its profile and by the rules of the protocols.
 *
 * @param held what it registered before
 * @returns all of it, with the defaults, as it is stored
 * @throws OAuthError `invalid_client_metadata`, `invalid_redirect_uri`
 */
export async function judgeMetadata(
  given: GivenMetadata,
  clientId: string,
  profile: Profile,
  settings: Config['oidc'],
  validate: Validate,
  held?: ClientMetadata,
): Promise<ClientMetadata> {
  const metadata = completed(given, profile)
  requireWithin('grant_types', metadata.grant_types ?? [], profile.grantTypes)
  requireWithin('token_endpoint_auth_method', [metadata.token_endpoint_auth_method ?? ''], profile.authMethods)
  requireGoodAddresses(metadata, settings)
  const { jwks, jwks_uri: uri } = metadata
  if (jwks && uri !== undefined) throw refused('give either jwks or jwks_uri')
  const keys = jwks && { jwks: readKeySet(jwks.keys, settings.mostClientKeys, profile.keyAlgorithms, held?.jwks) }
  if (metadata.token_endpoint_auth_method === 'private_key_jwt' && uri === undefined && !keys?.jwks.keys.length) {
    throw refused('jwks: private_key_jwt needs a key')
  }
  const { scope: _agents, ...judged } = { ...metadata, ...keys }
  const normal = await validate({ ...(judged as ClientMetadata), client_id: clientId })
  // A response type brings the grant that it needs.
  requireWithin('response_types', normal.grant_types ?? [], profile.grantTypes)
  requireUseOfRedirects(normal)
  const stored = { ...normal, ...Object.fromEntries(ours.map((member) => [member, judged[member]])) }
  return Object.fromEntries(known.flatMap((member) => (stored[member] === undefined ? [] : [[member, stored[member]]])))
}

/** The defaults of the profile, and those that follow from what was said. */
function completed(given: GivenMetadata, profile: Profile): GivenMetadata {
  const metadata = { ...profile.defaults, ...given }
  const granted = metadata.grant_types ?? profile.defaultGrantTypes
  return {
    ...metadata,
    grant_types: [...granted] as NonNullable<GivenMetadata['grant_types']>,
    response_types: metadata.response_types ?? (granted.includes('authorization_code') ? ['code'] : []),
    token_endpoint_auth_method: metadata.token_endpoint_auth_method ?? methodOf(profile),
    application_type: metadata.application_type ?? 'web',
  }
}

function methodOf({ authMethods: [first] }: Profile) {
  return first as NonNullable<GivenMetadata['token_endpoint_auth_method']>
}

/** An address that nothing uses would be taken for one at which users log in. */
function requireUseOfRedirects({ redirect_uris: given = [], grant_types: grants = [] }: ClientMetadata): void {
  if (given.length === 0 || grants.includes('authorization_code')) return
  throw new OAuthError(
    'invalid_redirect_uri',
    'redirect_uris: this client has no grant that uses one; leave them out, or register by a client_profile with authorization_code',
  )
}

/**
 * The scopes that a client gets: those that it asks for, or the default of its profile.
 *
 * @param held what it has: an administrator may have given it more than its profile would
 * @throws OAuthError `invalid_scope` where it asks for one that it may not have
 */
export function allowedScopes(asked: string | undefined, profile: Profile, held: readonly string[] = []): string[] {
  if (asked === undefined) return [...profile.defaultScopes]
  const allowed = new Set([...profile.scopes, ...held])
  const scopes = [...new Set(asked.split(' '))].filter((scope) => scope !== '')
  if (scopes.every((scope) => allowed.has(scope))) return scopes
  throw new OAuthError(
    'invalid_scope',
    `scope: this client may have ${[...allowed].join(' ') || 'none, so leave it out'}`,
  )
}

function requireWithin(member: string, asked: readonly string[], allowed: readonly string[]): void {
  if (asked.every((each) => allowed.includes(each))) return
  throw refused(`${member}: the profile allows ${allowed.join(', ')}; for more, register by another client_profile`)
}

export function refused(why: string): OAuthError {
  return new OAuthError('invalid_client_metadata', why)
}
