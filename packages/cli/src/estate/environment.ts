import { configVariables as bffVariables } from '@rekey/bff'
import { configVariables as idpVariables } from '@rekey/idp'

type Environment = Readonly<Record<string, string | undefined>>

// What a Node process itself may need. No other variable of the shell reaches a child: it may be somebody's secret.
const runtime = ['PATH', 'HOME', 'TZ', 'LANG', 'TMPDIR', 'NODE_ENV', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'LOG_LEVEL']
// Those of the shell may speak of another database than the one in use: the estate says them itself, or nobody does.
const idpSettings = idpVariables.filter((name) => !name.startsWith('DATABASE_'))
// Nor is it another client than the one that the estate registers, or one that is kept elsewhere: `rekey dcr bootstrap` takes the same.
const bffSettings = bffVariables.filter(
  (name) => !/^(DATABASE|AUTH_CLIENT|OIDC_CLIENT)_|^(DCR_SIGNING_KEY|BFF_CLIENT_CRED_PATH)(_|$)/.test(name),
)

// What tokens an API takes, what it denies, and who may have it refresh its trust.
const apiSettings = [
  ...['REKEY_AUDIENCE', 'REKEY_ALGORITHMS', 'REKEY_DENY_FILE'],
  ...['INTERNAL_JWKS_REFRESH_TOKEN', 'INTERNAL_JWKS_REFRESH_TOKEN_FILE'],
]

/** The environment of an API: the runtime's variables, its settings in the shell, and its own. */
export function apiEnvironment(env: Environment, own: Record<string, string>): Record<string, string> {
  return { ...pick(env, [...runtime, ...apiSettings]), ...own }
}

/**
 * The environment of the IdP: the runtime's variables, those of the IdP's settings in the shell that do not concern the
 * database, and what the estate decides. `defaults` give way to the shell, `own` does not.
 */
export function idpEnvironment(
  env: Environment,
  defaults: Record<string, string>,
  own: Record<string, string>,
): Record<string, string> {
  return { ...pick(env, runtime), ...defaults, ...pick(env, idpSettings), ...pick(env, sourcesIn(env)), ...own }
}

/** The same for the backend for frontend. What is said in one way, by a value or by NAME_FILE, is not said in the other too. */
export function bffEnvironment(
  env: Environment,
  defaults: Record<string, string>,
  own: Record<string, string>,
): Record<string, string> {
  const usual = Object.entries(defaults).filter(([name]) => env[`${name}_FILE`] === undefined)
  const settings = bffSettings.filter((name) => own[name.replace(/_FILE$/, '')] === undefined)
  return { ...pick(env, runtime), ...Object.fromEntries(usual), ...pick(env, settings), ...own }
}

/** The variables that settings of the IdP name as where a key lies. */
function sourcesIn(env: Environment): string[] {
  const settings = [env.REKEY_COLUMN_KEY, env.REKEY_LEGACY_COLUMN_KEY]
  return settings.flatMap((source) => (source?.startsWith('env:') ? [source.slice('env:'.length)] : []))
}

function pick(env: Environment, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}
