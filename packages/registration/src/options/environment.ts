import { type ClientOptions, keyAlgorithms, redirectModes, type Skipped } from './client-options.ts'
import { complete } from './complete.ts'
import { count, days, type Environment, flag, httpUrl, invalid, oneOf, required, secret, text } from './values.ts'

/**
 * The options as a container's environment gives them. An empty value counts as not set.
 *
 * | variable | meaning | default |
 * |---|---|---|
 * | `IDP_BASE_URL` | the identity provider, with or without `/api/oidc` | required |
 * | `DCR_ENABLED`, `SKIP_DCR_BOOTSTRAP` | `false`, `true` switch the bootstrap off | `true`, `false` |
 * | `DCR_IAT` | initial access token, for the first registration only; also `file:/path` or `DCR_IAT_FILE` | |
 * | `DCR_CLIENT_ID`, `DCR_CLIENT_PROFILE` | wished client_id, profile of the identity provider | |
 * | `DCR_SIGNING_KEY` | path of the private key, PEM | required |
 * | `BFF_KID` | kid of the first key | the PEM's name without its ending |
 * | `DCR_KEY_ALG` | `RS256` or `ES256`, for keys that are made here | `RS256` |
 * | `DCR_REDIRECT_URIS` | separated by spaces or commas | |
 * | `DCR_REDIRECT_UPDATE_MODE` | `auto`, `replace`, `merge` or `none` | `auto` |
 * | `DCR_ROTATION_SAFE` | `true` forces `merge` | `false` |
 * | `BFF_JWK_ROTATE_AFTER_DAYS` | 0 = now | 30 |
 * | `BFF_JWK_RETIRE_AFTER_DAYS` | 0 or less = never; otherwise more than the former | 60, or twice the former where that is more |
 * | `BFF_JWK_MAX_KEYS` | 2 or more; 0 or less = no cap | 3 |
 * | `BFF_CLIENT_CRED_PATH` | the stored credentials, JSON | `bff_client.json` beside the PEM |
 * | `DCR_FORCE_REPLACE` | register anew with `DCR_IAT` | `false` |
 * | `BOOTSTRAP_ADMIN_TOKEN` | may issue a new registration access token; also `file:/path` or `…_FILE` | |
 * | `PROM_PUSHGATEWAY_URL` | told how it went | |
 * | `ALLOW_BOOTSTRAP_FAILURE` | report a failure, do not throw it | `false` |
 * | `DCR_JWKS_URI` | register this `jwks_uri` instead of an inline `jwks` | |
 * | `BFF_JWKS_FILE` | where the public set is written | with `DCR_JWKS_URI`: `jwks.json` beside the PEM |
 *
 * @throws RegistrationError CONFIG_INVALID, naming the variable.
 */
export function optionsFromEnvironment(env: Environment): ClientOptions | Skipped {
  if (flag(env, 'SKIP_DCR_BOOTSTRAP', false)) return { skip: 'SKIP_DCR_BOOTSTRAP=true' }
  if (!flag(env, 'DCR_ENABLED', true)) return { skip: 'DCR_ENABLED=false' }
  return complete({ ...place(env), ...wishes(env), ...rotation(env), ...bootstrap(env) })
}

function place(env: Environment) {
  return {
    idpUrl: required(env, 'IDP_BASE_URL', 'it is the address of the identity provider'),
    signingKey: required(env, 'DCR_SIGNING_KEY', 'it is the path of the private key, which is made when missing'),
    kid: text(env, 'BFF_KID'),
    credentials: text(env, 'BFF_CLIENT_CRED_PATH'),
    jwksUri: httpUrl(env, 'DCR_JWKS_URI'),
    jwksFile: text(env, 'BFF_JWKS_FILE'),
  }
}

function wishes(env: Environment) {
  const clientId = text(env, 'DCR_CLIENT_ID')
  if (clientId !== undefined && !/^[A-Za-z0-9._~-]{1,100}$/.test(clientId)) {
    throw invalid('DCR_CLIENT_ID', 'is not 1 to 100 letters, digits and any of . _ ~ -')
  }
  const safe = flag(env, 'DCR_ROTATION_SAFE', false)
  const mode = oneOf(env, 'DCR_REDIRECT_UPDATE_MODE', redirectModes)
  return {
    clientId,
    clientProfile: text(env, 'DCR_CLIENT_PROFILE'),
    redirectUris: redirectUris(env),
    redirectMode: safe ? 'merge' : mode,
  } as const
}

function redirectUris(env: Environment): string[] {
  const given = (env.DCR_REDIRECT_URIS ?? '').split(/[\s,]+/).filter((uri) => uri !== '')
  for (const uri of given) {
    if (!URL.canParse(uri) || uri.includes('#')) {
      throw invalid(
        'DCR_REDIRECT_URIS',
        'holds what is no absolute URI without fragment; separate URIs by spaces or commas.',
      )
    }
  }
  return [...new Set(given)]
}

function rotation(env: Environment) {
  return {
    rotateAfterDays: days(env, 'BFF_JWK_ROTATE_AFTER_DAYS'),
    retireAfterDays: days(env, 'BFF_JWK_RETIRE_AFTER_DAYS'),
    maxKeys: count(env, 'BFF_JWK_MAX_KEYS'),
    keyAlgorithm: oneOf(env, 'DCR_KEY_ALG', keyAlgorithms),
  }
}

function bootstrap(env: Environment) {
  return {
    initialAccessToken: secret(env, 'DCR_IAT'),
    adminToken: secret(env, 'BOOTSTRAP_ADMIN_TOKEN'),
    forceReplace: flag(env, 'DCR_FORCE_REPLACE', false),
    allowFailure: flag(env, 'ALLOW_BOOTSTRAP_FAILURE', false),
    pushgatewayUrl: httpUrl(env, 'PROM_PUSHGATEWAY_URL'),
  }
}
