import { duration, isExposed } from '@rekey/service'
import { z } from 'zod'
import { BffError } from '../error.ts'
import { clientKeysOf, clientKeyVariables, type KeySettings, textsOf } from './client-keys.ts'
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
  ...clientKeyVariables,
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
  const keys = clientKeysOf(given, isByKey)
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
  const url = new URL(address)
  const { origin, pathname, search, username, password } = url
  if (search !== '' || username !== '' || password !== '') {
    throw new BffError('CONFIG_INVALID', 'IDP_BASE_URL: no query and no credentials')
  }
  if (isExposed(url) && !allowPlaintext) {
    throw new BffError('CONFIG_INVALID', 'IDP_BASE_URL would carry secrets in plaintext beyond this machine; use https')
  }
  const path = pathname.replace(/\/+$/, '').replace(/\/api\/oidc$/, '')
  return `${origin}${path.replace(/\/+$/, '')}`
}
