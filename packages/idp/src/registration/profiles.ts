import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { IdpError } from '../error.ts'
import { scopeToken } from '../tokens/scopes.ts'
import { userScopes } from '../tokens/user-scopes.ts'
import { authenticationMethodsOfClients, clientMembers, type GivenMetadata, grantTypes } from './metadata.ts'

/** What clients of one sort may register. Whoever registers chooses one by `client_profile`; his initial access token may be bound to one. */
export interface Profile {
  /** The first ones are what a client has that does not say. */
  readonly grantTypes: readonly string[]
  readonly defaultGrantTypes: readonly string[]
  /** The first one is the default. */
  readonly authMethods: readonly string[]
  /** What it may be granted. A management scope only where an operator's file names it. */
  readonly scopes: readonly string[]
  /** What it may be granted where it does not ask. */
  readonly defaultScopes: readonly string[]
  /** Algorithms that its keys may sign by; all where there are none named. */
  readonly keyAlgorithms: readonly string[] | undefined
  /** Users are not asked whether they consent. */
  readonly firstParty: boolean
  /** Members of its metadata where the client does not say. */
  readonly defaults: GivenMetadata
}

export type Profiles = ReadonlyMap<string, Profile>

const users = {
  grantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
  defaultGrantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
  scopes: userScopes,
  // What users are for an operator (`roles`) only who asks for it is told.
  defaultScopes: ['openid', 'profile', 'email', 'offline_access'],
  keyAlgorithms: undefined,
  firstParty: false,
  defaults: {},
}

const builtIn: Readonly<Record<string, Profile>> = {
  default: {
    ...users,
    grantTypes: ['client_credentials'],
    defaultGrantTypes: ['client_credentials'],
    authMethods: ['private_key_jwt'],
    scopes: [],
    defaultScopes: [],
  },
  'code-flow-pkjwt': { ...users, authMethods: ['private_key_jwt'] },
  'code-flow-secret': { ...users, authMethods: ['client_secret_basic', 'client_secret_post', 'client_secret_jwt'] },
  spa: {
    ...users,
    grantTypes: ['authorization_code', 'refresh_token'],
    defaultGrantTypes: ['authorization_code', 'refresh_token'],
    authMethods: ['none'],
  },
}

/**
 * The profile of whoever names none. Clients that are written for any server know nothing of profiles, and say by the rest what
 * they are.
 */
export function usualProfile(given: GivenMetadata): keyof typeof builtIn {
  const { redirect_uris: addresses = [], grant_types: grants = [], jwks, jwks_uri: uri } = given
  const { token_endpoint_auth_method: method } = given
  if (addresses.length === 0 && !grants.includes('authorization_code')) return 'default'
  if (method === 'none') return 'spa'
  const hasKeys = jwks !== undefined || uri !== undefined
  return method === 'private_key_jwt' || (method === undefined && hasKeys) ? 'code-flow-pkjwt' : 'code-flow-secret'
}

const scope = z.string().max(100).regex(scopeToken, 'no scope (RFC 6749 §3.3)')
const profile = z.strictObject({
  based_on: z.enum(Object.keys(builtIn) as [string, ...string[]]),
  grant_types: z.array(z.enum(grantTypes)).min(1),
  default_grant_types: z.array(z.enum(grantTypes)).min(1),
  token_endpoint_auth_methods: z.array(z.enum(authenticationMethodsOfClients)).min(1),
  scopes: z.array(scope),
  default_scopes: z.array(scope),
  key_algorithms: z.array(z.string()).min(1),
  first_party: z.boolean(),
  defaults: z.strictObject(clientMembers),
})
const file = z.strictObject({
  profiles: z.record(z.string().regex(/^[\w.-]{1,100}$/, 'letters, digits, _, . and -'), profile.partial()),
})

/**
 * The profiles that are built in, and those of a file: `{"profiles": {"<name>": {"based_on": "code-flow-pkjwt", "scopes": [...]}}}`.
 * One of the file may have the name of one that is built in.
 *
 * @throws IdpError `CONFIG_INVALID`, naming the member that is wrong
 */
export async function readProfiles(path: string | undefined): Promise<Profiles> {
  const given = path === undefined ? {} : read(await contentOf(path)).profiles
  const made = Object.entries(given).map(([name, said]) => [name, profileOf(name, said)] as const)
  return new Map([...Object.entries(builtIn), ...made])
}

async function contentOf(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    const why = cause instanceof SyntaxError ? 'is not JSON' : `cannot be read (${(cause as { code?: string }).code})`
    throw wrong(`the file ${why}`, cause)
  }
}

function read(content: unknown): z.infer<typeof file> {
  const parsed = file.safeParse(content)
  if (parsed.success) return parsed.data
  throw wrong(parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`).join('; '))
}

function profileOf(name: string, said: Partial<z.infer<typeof profile>>): Profile {
  const base = builtIn[said.based_on ?? 'default'] as Profile
  const grantTypes = said.grant_types ?? base.grantTypes
  const scopes = said.scopes ?? base.scopes
  const made: Profile = {
    grantTypes,
    defaultGrantTypes: said.default_grant_types ?? within(base.defaultGrantTypes, grantTypes) ?? grantTypes,
    authMethods: said.token_endpoint_auth_methods ?? base.authMethods,
    scopes,
    defaultScopes: said.default_scopes ?? said.scopes ?? base.defaultScopes,
    keyAlgorithms: said.key_algorithms ?? base.keyAlgorithms,
    firstParty: said.first_party ?? base.firstParty,
    defaults: { ...base.defaults, ...said.defaults },
  }
  requireWithin(name, 'default_grant_types', made.defaultGrantTypes, grantTypes)
  requireWithin(name, 'default_scopes', made.defaultScopes, scopes)
  return made
}

function within(some: readonly string[], all: readonly string[]): readonly string[] | undefined {
  const found = some.filter((each) => all.includes(each))
  return found.length > 0 ? found : undefined
}

function requireWithin(name: string, member: string, some: readonly string[], all: readonly string[]): void {
  if (some.every((each) => all.includes(each))) return
  throw wrong(`profiles.${name}.${member}: more than the profile allows`)
}

function wrong(what: string, cause?: unknown): IdpError {
  return new IdpError('CONFIG_INVALID', `REKEY_CLIENT_PROFILES: ${what}`, { cause })
}
