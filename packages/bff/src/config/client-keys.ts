/** The keys by which this client authenticates at the identity provider, and its registration there. */
import { join } from 'node:path'
import { type ClientOptions, type Environment, optionsFromEnvironment, RegistrationError } from '@rekey/registration'
import { z } from 'zod'
import { BffError } from '../error.ts'
import { type SecretSource, secretSource } from './source.ts'

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

export const clientKeyVariables = {
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

type Given = z.infer<z.ZodObject<typeof clientKeyVariables>> & {
  REKEY_BFF_URL: string
  AUTH_CLIENT_ID?: string | undefined
  AUTH_SCOPES: string[]
}

/**
 * A folder is looked after also where a secret is used: it is how one moves to a key.
 *
 * @param isByKey this client authenticates by private_key_jwt
 * @throws BffError `CONFIG_INVALID`
 */
export function clientKeysOf(given: Given, isByKey: boolean): KeySettings | undefined {
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

/** The variables that are texts, as the environment has them. */
export const textsOf = (given: object): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => typeof value === 'string')) as NodeJS.ProcessEnv
