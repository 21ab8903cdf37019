import { randomUUID } from 'node:crypto'
import type { Instance } from '../instance.ts'
import { managementScopes } from '../tokens/scopes.ts'
import { requireClientId } from './client-id.ts'
import type { InitialToken } from './initial-tokens/store.ts'
import { allowedScopes, judgeMetadata, refused, type Validate } from './judge.ts'
import type { GivenMetadata } from './metadata.ts'
import { type Profile, usualProfile } from './profiles.ts'
import type { ClientMetadata } from './stored.ts'

/** A registration as it is to be made: judged by all that can be judged without the database. */
export interface AskedRegistration {
  clientId: string
  /** May it be taken by somebody else? */
  isWish: boolean
  profile: string
  scopes: string[]
  metadata: ClientMetadata
}

export interface GivenRegistration extends GivenMetadata {
  client_id?: string | undefined
  client_profile?: string | undefined
}

/** @throws OAuthError `invalid_client_metadata`, `invalid_redirect_uri`, `invalid_scope` */
export async function judgeRegistration(
  { config, profiles }: Pick<Instance, 'config' | 'profiles'>,
  validate: Validate,
  token: InitialToken,
  { client_id: wish, client_profile: asked, ...given }: GivenRegistration,
): Promise<AskedRegistration> {
  const name = profileAsked(token, asked) ?? usualProfile(given)
  const profile = profileNamed(profiles, name)
  // Whoever made the token had nothing of the kind to give, unless it is for this very profile.
  if (token.profile === null && (administers(profile) || profile.firstParty)) {
    throw refused('client_profile: it needs an initial access token for this profile')
  }
  if (token.clientId !== null && wish !== undefined && wish !== token.clientId) {
    throw refused('client_id: the initial access token is for another client')
  }
  const clientId = token.clientId ?? wish
  if (clientId !== undefined) requireClientId(clientId)
  const metadata = await judgeMetadata(given, clientId ?? 'to-be-made', profile, config.oidc, validate)
  return {
    clientId: clientId ?? randomUUID(),
    isWish: clientId !== undefined,
    profile: name,
    scopes: allowedScopes(given.scope, profile),
    metadata,
  }
}

/** May its clients be granted scopes that administer? */
function administers({ scopes }: Profile): boolean {
  return scopes.some((scope) => managementScopes.includes(scope))
}

function profileAsked(token: InitialToken, asked: string | undefined): string | undefined {
  if (token.profile !== null && asked !== undefined && asked !== token.profile) {
    throw refused('client_profile: the initial access token is for another profile')
  }
  return token.profile ?? asked
}

/** @throws OAuthError `invalid_client_metadata` for one that is not configured, or is no more */
export function profileNamed(profiles: Instance['profiles'], name: string): Profile {
  const profile = profiles.get(name)
  if (profile) return profile
  throw refused(`client_profile: this server has ${[...profiles.keys()].join(', ')}`)
}
