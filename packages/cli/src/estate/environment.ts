type Environment = Readonly<Record<string, string | undefined>>

// What a Node process itself may need. No other variable of the shell reaches a child: it may be somebody's secret.
const runtime = ['PATH', 'HOME', 'TZ', 'LANG', 'TMPDIR', 'NODE_ENV', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'LOG_LEVEL']
const idpSettings = ['OIDC_FORCE_KEY_ROTATION', 'JWKS_CACHE_TTL_SECONDS', 'DATABASE_DIRECT_URL']
// These speak to the command line, not to the IdP; the last two are credentials for an estate elsewhere.
const ours = new Set([
  'REKEY_HOME',
  'REKEY_PORT_BASE',
  'REKEY_IDP',
  'REKEY_APIS',
  'REKEY_CLIENT_ID',
  'REKEY_CLIENT_SECRET',
])

/** The environment of an API: the runtime's variables, the audience that the IdP is told too, and its own. */
export function apiEnvironment(env: Environment, own: Record<string, string>): Record<string, string> {
  return { ...pick(env, [...runtime, 'REKEY_AUDIENCE']), ...own }
}

/**
 * The environment of the IdP: the runtime's variables, the IdP's settings from the shell, and what the estate decides.
 * `defaults` give way to the shell, `own` does not.
 */
export function idpEnvironment(
  env: Environment,
  defaults: Record<string, string>,
  own: Record<string, string>,
): Record<string, string> {
  const settings = Object.keys(env).filter((name) => name.startsWith('REKEY_') && !ours.has(name))
  return { ...pick(env, runtime), ...defaults, ...pick(env, [...idpSettings, ...settings]), ...own }
}

function pick(env: Environment, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}
