/** What the API is told by its environment. */
export interface Config {
  issuer: string
  /** What a token must be meant for. */
  audience: string
  trust: { clientId: string; clientSecret: string }
  host: string
  port: number
  logLevel: string
  /** Where revocations are kept over a restart. */
  stateFile?: string
  /** How this process is called in the list of verifiers. */
  instance?: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** @throws Error naming every variable that is missing or wrong */
export function readConfig(env: Environment): Config {
  const required = ['REKEY_ISSUER', 'REKEY_TRUST_CLIENT_ID', 'REKEY_TRUST_CLIENT_SECRET', 'PORT'] as const
  const missing = required.filter((name) => !env[name])
  if (missing.length > 0) throw new Error(`not set: ${missing.join(', ')}`)
  return {
    issuer: url(env.REKEY_ISSUER),
    audience: env.REKEY_AUDIENCE || 'urn:rekey:api',
    trust: { clientId: String(env.REKEY_TRUST_CLIENT_ID), clientSecret: String(env.REKEY_TRUST_CLIENT_SECRET) },
    host: env.HOST || 'localhost',
    port: port(env.PORT),
    logLevel: env.LOG_LEVEL || 'info',
    ...(env.REKEY_STATE_FILE ? { stateFile: env.REKEY_STATE_FILE } : {}),
    ...(env.REKEY_INSTANCE ? { instance: env.REKEY_INSTANCE } : {}),
  }
}

function url(text = ''): string {
  if (!URL.canParse(text)) throw new Error(`REKEY_ISSUER "${text}" is no URL`)
  return text
}

function port(text = ''): number {
  const value = Number(text)
  // 0 lets the system choose, for tests.
  if (!/^\d{1,5}$/.test(text) || value > 65_535) throw new Error(`PORT "${text}" is no port`)
  return value
}
