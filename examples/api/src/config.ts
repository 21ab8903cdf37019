import { newestSecret } from '@rekey/verifier'

/** What the API is told by its environment. */
export interface Config {
  issuer: string
  /** Where the instances of the issuer are reached. */
  trustUrls: string[]
  /** What a token may be signed with. */
  algorithms: string[]
  /** What a token must be meant for. */
  audience: string
  trust: { clientId: string; clientSecret: string }
  host: string
  port: number
  logLevel: string
  /** Where revocations are kept over a restart. */
  stateFile?: string
  /** A file of tokens that are refused, for the operator to write. */
  denyFile?: string
  /** How this process is called in the list of verifiers. */
  instance?: string
}

// HS256 and its like are left out: nobody publishes those keys.
const known = /^((ES|RS|PS)(256|384|512)|EdDSA|Ed25519)$/

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The secret may also stand in the file of `REKEY_TRUST_CLIENT_SECRET_FILE`.
 *
 * @throws Error naming every variable that is missing or wrong
 */
export function readConfig(env: Environment): Config {
  const required = ['REKEY_ISSUER', 'REKEY_TRUST_CLIENT_ID', 'REKEY_TRUST_CLIENT_SECRET', 'PORT'] as const
  const clientSecret = newestSecret(env, 'REKEY_TRUST_CLIENT_SECRET')
  const given: Environment = { ...env, REKEY_TRUST_CLIENT_SECRET: clientSecret }
  const missing = required.filter((name) => !given[name])
  if (missing.length > 0) throw new Error(`not set: ${missing.join(', ')}`)
  return {
    issuer: url('REKEY_ISSUER', env.REKEY_ISSUER),
    trustUrls: list(env.REKEY_TRUST_URLS || env.REKEY_ISSUER).map((text) => url('REKEY_TRUST_URLS', text)),
    algorithms: list(env.REKEY_ALGORITHMS || 'ES256,RS256').map(algorithm),
    audience: env.REKEY_AUDIENCE || 'urn:rekey:api',
    trust: { clientId: String(env.REKEY_TRUST_CLIENT_ID), clientSecret: String(clientSecret) },
    host: env.HOST || 'localhost',
    port: port(env.PORT),
    logLevel: env.LOG_LEVEL || 'info',
    ...(env.REKEY_STATE_FILE ? { stateFile: env.REKEY_STATE_FILE } : {}),
    ...(env.REKEY_DENY_FILE ? { denyFile: env.REKEY_DENY_FILE } : {}),
    ...(env.REKEY_INSTANCE ? { instance: env.REKEY_INSTANCE } : {}),
  }
}

function url(name: string, text = ''): string {
  if (!URL.canParse(text)) throw new Error(`${name} "${text}" is no URL`)
  return text
}

/** A misspelt one would be refused in each token, which looks like a fault of the issuer. */
function algorithm(name: string): string {
  if (!known.test(name)) throw new Error(`REKEY_ALGORITHMS has "${name}", which is no algorithm that is supported`)
  return name
}

function list(text = ''): string[] {
  return text.split(',').map((part) => part.trim())
}

function port(text = ''): number {
  const value = Number(text)
  // 0 lets the system choose, for tests.
  if (!/^\d{1,5}$/.test(text) || value > 65_535) throw new Error(`PORT "${text}" is no port`)
  return value
}
