import { join } from 'node:path'
import { type ClientOptions, type Environment, optionsFromEnvironment, RegistrationError } from '@rekey/registration'
import { duration, isLoopback } from '@rekey/service'
import { z } from 'zod'
import { BffError } from '../error.ts'
import { type SecretSource, secretSource, secretsIn } from './source.ts'

const methods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const
export type AuthenticationMethod = (typeof methods)[number]

/** The identity provider, and how this client authenticates there. Durations are milliseconds. */
export interface ProviderSettings {
  /** Where it is from here, without a slash at the end. */
  readonly baseUrl: string
  /** Nothing where the client registers itself and was given no name. */
  readonly clientId: string | undefined
  readonly method: AuthenticationMethod
  /** One or several, the newest first. */
  readonly secret: SecretSource | undefined
  readonly secretOverlapMs: number
  /** Separated by spaces. */
  readonly scope: string
  /** What access tokens are to be good for (RFC 8707), where the provider has to be told. */
  readonly resource: string | undefined
  readonly allowPlaintext: boolean
  readonly keys: KeySettings | undefined
}

/** The keys of a client that authenticates by private_key_jwt. */
export interface KeySettings {
  /** Where the folder is, and when keys in it are made and dropped. */
  readonly options: ClientOptions
  /** Whether this client registers itself, and looks after its registration. */
  readonly isRegistered: boolean
  /** A key that is not in the folder, but given. */
  readonly given: SecretSource | undefined
  /** The name of the one that is given. */
  readonly givenKid: string | undefined
  /** What the identity provider is told of a changed set. */
  readonly notice: NoticeSettings | undefined
}

/** An address of the identity provider that takes key sets, and the token for it. */
export interface NoticeSettings {
  readonly url: string
  readonly token: SecretSource
}

const text = z.string().optional()

export const providerVariables = {
  IDP_BASE_URL: z.url({ protocol: /^https?$/ }),
  AUTH_CLIENT_ID: text,
  AUTH_CLIENT_SECRET: text,
  AUTH_CLIENT_SECRET_FILE: text,
  OIDC_CLIENT_SECRET: text,
  OIDC_CLIENT_SECRET_FILE: text,
  AUTH_CLIENT_SECRET_OVERLAP: duration.default(24 * 3_600_000),
  AUTH_SCOPES: z
    .string()
    .transform((text) => text.split(/[\s,]+/).filter((scope) => scope !== ''))
    .refine((scopes) => scopes.includes('openid'), 'openid must be among them')
    .default(['openid', 'profile', 'email']),
  AUTH_RESOURCE: text.refine(
    (uri) => !uri || (URL.canParse(uri) && !uri.includes('#')),
    'an absolute URI without fragment',
  ),
  MS_BFF_TOKEN_AUTH_METHOD: z.enum(methods).optional(),
  BFF_KEYS_DIR: text,
  BFF_JWT_SIGNING_KEY: text,
  BFF_JWT_SIGNING_KEY_FILE: text,
  REKEY_BACKCHANNEL_LOGOUT: z.enum(['auto', 'on', 'off']).default('auto'),
  IDP_DCR_URL: text,
  DCR_ACCESS_TOKEN: text,
  DCR_ACCESS_TOKEN_FILE: text,
  // What packages/registration reads, and says more of.
  SKIP_DCR_BOOTSTRAP: text,
  DCR_ENABLED: text,
  DCR_IAT: text,
  DCR_IAT_FILE: text,
  DCR_CLIENT_ID: text,
  DCR_CLIENT_PROFILE: text,
  DCR_SIGNING_KEY: text,
  DCR_KEY_ALG: text,
  DCR_REDIRECT_URIS: text,
  DCR_REDIRECT_UPDATE_MODE: text,
  DCR_ROTATION_SAFE: text,
  DCR_FORCE_REPLACE: text,
  DCR_JWKS_URI: text,
  BFF_KID: text,
  BFF_JWK_ROTATE_AFTER_DAYS: text,
  BFF_JWK_RETIRE_AFTER_DAYS: text,
  BFF_JWK_MAX_KEYS: text,
  BFF_CLIENT_CRED_PATH: text,
  BFF_JWKS_FILE: text,
  BOOTSTRAP_ADMIN_TOKEN: text,
  BOOTSTRAP_ADMIN_TOKEN_FILE: text,
  PROM_PUSHGATEWAY_URL: text,
  ALLOW_BOOTSTRAP_FAILURE: text,
}

type Given = z.infer<z.ZodObject<typeof providerVariables>> & { REKEY_ALLOW_PLAINTEXT: boolean; REKEY_BFF_URL: string }

/** @throws BffError `CONFIG_INVALID` */
export function providerOf(given: Given): ProviderSettings {
  const secret = secretOf(textsOf(given))
  const method = given.MS_BFF_TOKEN_AUTH_METHOD ?? (secret === undefined ? 'private_key_jwt' : 'client_secret_basic')
  const isByKey = method === 'private_key_jwt'
  if (!isByKey && secret === undefined) {
    throw new BffError('CONFIG_INVALID', `MS_BFF_TOKEN_AUTH_METHOD=${method} needs AUTH_CLIENT_SECRET`)
  }
  const keys = keysOf(given, isByKey)
  if (given.AUTH_CLIENT_ID === undefined && keys?.isRegistered !== true) {
    throw new BffError('CONFIG_INVALID', 'AUTH_CLIENT_ID: required, unless this client registers itself (DCR_ENABLED)')
  }
  return {
    baseUrl: baseUrlOf(given),
    clientId: given.AUTH_CLIENT_ID,
    method,
    secret,
    secretOverlapMs: given.AUTH_CLIENT_SECRET_OVERLAP,
    scope: given.AUTH_SCOPES.join(' '),
    resource: given.AUTH_RESOURCE || undefined,
    allowPlaintext: given.REKEY_ALLOW_PLAINTEXT,
    keys,
  }
}

/** Both names are in use out there, and mean the same. */
function secretOf(env: NodeJS.ProcessEnv): SecretSource | undefined {
  const own = secretSource(env, 'AUTH_CLIENT_SECRET')
  const other = secretSource(env, 'OIDC_CLIENT_SECRET')
  if (own !== undefined && other !== undefined) {
    throw new BffError('CONFIG_INVALID', 'AUTH_CLIENT_SECRET and OIDC_CLIENT_SECRET are both set: which one is meant?')
  }
  const source = own ?? other
  if (source !== undefined) secretsIn(source.name, source.current())
  return source
}

/** With or without `/api/oidc`, as people write it. */
function baseUrlOf({ IDP_BASE_URL: address, REKEY_ALLOW_PLAINTEXT: allowPlaintext }: Given): string {
  const { protocol, hostname, origin, pathname, search, username, password } = new URL(address)
  if (search !== '' || username !== '' || password !== '') {
    throw new BffError('CONFIG_INVALID', 'IDP_BASE_URL: no query and no credentials')
  }
  if (protocol === 'http:' && !isLoopback(hostname.replace(/^\[|\]$/g, '')) && !allowPlaintext) {
    throw new BffError('CONFIG_INVALID', 'IDP_BASE_URL would carry secrets in plaintext beyond this machine; use https')
  }
  const path = pathname.replace(/\/+$/, '').replace(/\/api\/oidc$/, '')
  return `${origin}${path.replace(/\/+$/, '')}`
}

const textsOf = (given: Given): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => typeof value === 'string')) as NodeJS.ProcessEnv

/** A folder is looked after also where a secret is used: it is how one moves to a key. */
function keysOf(given: Given, isByKey: boolean): KeySettings | undefined {
  const env = textsOf(given)
  const keySource = givenKey(env)
  if (given.BFF_KEYS_DIR === undefined && given.DCR_SIGNING_KEY === undefined && keySource === undefined) {
    if (isByKey) throw new BffError('CONFIG_INVALID', 'private_key_jwt needs BFF_KEYS_DIR, or BFF_JWT_SIGNING_KEY')
    return undefined
  }
  // AUTH_CLIENT_ID may be another client's, which only introspects: whoever speaks of a registration wants one.
  const saysSo = ['DCR_CLIENT_ID', 'DCR_IAT', 'DCR_IAT_FILE'].some((name) => env[name] !== undefined)
  const isWanted = flagOf(env, 'DCR_ENABLED') ?? (saysSo || given.AUTH_CLIENT_ID === undefined)
  return {
    options: { ...keyOptions(env, `${given.REKEY_BFF_URL}/auth/callback`), metadata: metadataOf(given) },
    isRegistered: isByKey && keySource === undefined && isWanted && flagOf(env, 'SKIP_DCR_BOOTSTRAP') !== true,
    given: keySource,
    givenKid: given.BFF_KID,
    notice: noticeOf(env),
  }
}

/** @throws BffError `CONFIG_INVALID` */
function flagOf(env: NodeJS.ProcessEnv, name: string): boolean | undefined {
  const value = env[name]?.trim().toLowerCase()
  if (value === undefined || value === '') return undefined
  if (['true', '1', 'yes', 'on'].includes(value)) return true
  if (['false', '0', 'no', 'off'].includes(value)) return false
  throw new BffError('CONFIG_INVALID', `${name} is neither true nor false`)
}

/** What this client says of itself when it registers for the first time. What scopes it may have, its profile says where it has one. */
function metadataOf(given: Given) {
  const { REKEY_BFF_URL: url, AUTH_SCOPES: scopes, DCR_CLIENT_PROFILE: profile, REKEY_BACKCHANNEL_LOGOUT: told } = given
  // Providers call nobody in plaintext unless they are told to, and refuse a client that wishes for it.
  const isTold = told === 'on' || (told === 'auto' && url.startsWith('https:'))
  return {
    ...(profile === undefined ? { scope: scopes.join(' ') } : {}),
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    response_types: ['code'],
    post_logout_redirect_uris: [`${url}/`],
    ...(isTold
      ? { backchannel_logout_uri: `${url}/auth/backchannel-logout`, backchannel_logout_session_required: true }
      : {}),
  }
}

/** What registration makes of the same variables; the folder alone suffices to find the key. @throws BffError `CONFIG_INVALID` */
export function keyOptions(env: NodeJS.ProcessEnv, redirectUri?: string): ClientOptions {
  const folder = env.BFF_KEYS_DIR || '.'
  const filled: Environment = {
    ...env,
    // Whether it registers is decided elsewhere.
    DCR_ENABLED: 'true',
    SKIP_DCR_BOOTSTRAP: 'false',
    // Of no use to whoever only makes a key.
    IDP_BASE_URL: env.IDP_BASE_URL || 'http://localhost',
    DCR_SIGNING_KEY: env.DCR_SIGNING_KEY || join(folder, 'bff.pem'),
    BFF_JWKS_FILE: env.BFF_JWKS_FILE || join(folder, 'jwks.json'),
    DCR_CLIENT_ID: env.DCR_CLIENT_ID || env.AUTH_CLIENT_ID,
    DCR_REDIRECT_URIS: env.DCR_REDIRECT_URIS || redirectUri,
    DCR_CLIENT_PROFILE: env.DCR_CLIENT_PROFILE || undefined,
  }
  try {
    return optionsFromEnvironment(filled) as ClientOptions
  } catch (error) {
    if (error instanceof RegistrationError) throw new BffError('CONFIG_INVALID', error.message, { cause: error })
    throw error
  }
}

/** PEM, or the path of a file that holds it. */
function givenKey(env: NodeJS.ProcessEnv): SecretSource | undefined {
  const value = env.BFF_JWT_SIGNING_KEY?.trim()
  const isPath = value !== undefined && value !== '' && !value.startsWith('-----BEGIN') && !value.startsWith('file:')
  return secretSource({ ...env, ...(isPath ? { BFF_JWT_SIGNING_KEY: `file:${value}` } : {}) }, 'BFF_JWT_SIGNING_KEY')
}

/** @throws BffError `CONFIG_INVALID` */
export function noticeOf(env: NodeJS.ProcessEnv): NoticeSettings | undefined {
  const url = env.IDP_DCR_URL || undefined
  if (url === undefined) return undefined
  if (!/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ''))
    throw new BffError('CONFIG_INVALID', 'IDP_DCR_URL: no http or https URL')
  const token = secretSource(env, 'DCR_ACCESS_TOKEN')
  if (token === undefined) throw new BffError('CONFIG_INVALID', 'IDP_DCR_URL needs DCR_ACCESS_TOKEN')
  return { url, token }
}
