import { checkPolicy, defaultPolicy, type Policy, parseDuration } from '@rekey/keyring'
import { z } from 'zod'
import { IdpError } from './error.ts'

/** What an instance is started with. Durations are milliseconds. */
export interface Config {
  issuer: string
  host: string
  port: number
  databaseUrl: string
  /** For LISTEN, where `databaseUrl` leads through a transaction-mode pooler. */
  databaseDirectUrl: string
  /** For migrations, where the service's own role does not own the tables. */
  databaseOwnerUrl: string | undefined
  rootKeySource: string
  audience: string
  accessTokenTtlMs: number
  jwksMaxAgeMs: number
  /** The keyring whose active version signs access tokens. */
  issueWith: string
  policy: Policy
  forceRotation: boolean
  logLevel: string
}

/** The keyrings that an identity provider has, and what each signs with. */
export const signingKeyrings = [
  { name: 'signing-es256', algorithm: 'ES256' },
  { name: 'signing-rs256', algorithm: 'RS256' },
] as const

const duration = z.string().transform((text, context) => {
  try {
    return parseDuration(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
    return z.NEVER
  }
})

const flag = z.enum(['true', 'false', '1', '0', '']).transform((text) => text === 'true' || text === '1')

const environment = z.object({
  REKEY_ISSUER: z
    .url({ protocol: /^https?$/ })
    .refine((url) => !/[?#]|\/$/.test(url), 'no query, fragment or trailing slash'),
  REKEY_HOST: z.string().default('localhost'),
  REKEY_PORT: z.coerce.number().int().min(0).max(65_535).default(8002),
  REKEY_ALLOW_PLAINTEXT: flag.default(false),
  DATABASE_URL: z.string(),
  DATABASE_DIRECT_URL: z.string().optional(),
  DATABASE_OWNER_URL: z.string().optional(),
  REKEY_ROOT_KEY: z.string(),
  REKEY_AUDIENCE: z.string().min(1).default('urn:rekey:api'),
  REKEY_ACCESS_TOKEN_TTL: duration.default(3_600_000),
  REKEY_ROTATE_EVERY: duration.default(defaultPolicy.rotateEveryMs),
  REKEY_VERIFIER_PATIENCE: z
    .literal('forever')
    .transform(() => null)
    .or(duration)
    .default(null),
  REKEY_ANONYMOUS_PROPAGATION: duration.optional(),
  REKEY_CLOCK_SKEW: duration.default(defaultPolicy.skewMs),
  REKEY_MAX_GRACE: duration.default(defaultPolicy.maxGraceMs),
  REKEY_ROLLBACK_WINDOW: duration.default(defaultPolicy.rollbackWindowMs),
  JWKS_CACHE_TTL_SECONDS: z.coerce.number().int().min(0).max(86_400).default(300),
  OIDC_FORCE_KEY_ROTATION: flag.default(false),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
})

/**
 * Reads the configuration from the environment.
 *
 * @throws IdpError `CONFIG_INVALID`, naming every variable that is wrong, never its value; KeyringError `POLICY_INVALID`
 *   when tokens would outlive the keys that verify them
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const parsed = environment.safeParse(env)
  if (!parsed.success) {
    const wrong = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
    throw new IdpError('CONFIG_INVALID', `the configuration is wrong: ${wrong.join('; ')}`)
  }
  const given = parsed.data
  if (!isLoopback(given.REKEY_HOST) && !given.REKEY_ALLOW_PLAINTEXT) {
    throw new IdpError(
      'CONFIG_INVALID',
      `REKEY_HOST=${given.REKEY_HOST} would carry secrets in plaintext beyond this machine; put TLS in front of it and say ` +
        'so by REKEY_ALLOW_PLAINTEXT=true',
    )
  }
  const policy = policyOf(given)
  checkPolicy(policy)
  return {
    issuer: given.REKEY_ISSUER,
    host: given.REKEY_HOST,
    port: given.REKEY_PORT,
    databaseUrl: given.DATABASE_URL,
    databaseDirectUrl: given.DATABASE_DIRECT_URL ?? given.DATABASE_URL,
    databaseOwnerUrl: given.DATABASE_OWNER_URL,
    rootKeySource: given.REKEY_ROOT_KEY,
    audience: given.REKEY_AUDIENCE,
    accessTokenTtlMs: given.REKEY_ACCESS_TOKEN_TTL,
    jwksMaxAgeMs: policy.jwksMaxAgeMs,
    issueWith: 'signing-es256',
    policy,
    forceRotation: given.OIDC_FORCE_KEY_ROTATION,
    logLevel: given.LOG_LEVEL,
  }
}

function policyOf(given: z.infer<typeof environment>): Policy {
  const jwksMaxAgeMs = given.JWKS_CACHE_TTL_SECONDS * 1_000
  return {
    rotateEveryMs: given.REKEY_ROTATE_EVERY,
    verifierPatienceMs: given.REKEY_VERIFIER_PATIENCE,
    anonymousPropagationMs: given.REKEY_ANONYMOUS_PROPAGATION ?? jwksMaxAgeMs + given.REKEY_CLOCK_SKEW,
    jwksMaxAgeMs,
    maxTokenTtlMs: given.REKEY_ACCESS_TOKEN_TTL,
    skewMs: given.REKEY_CLOCK_SKEW,
    maxGraceMs: given.REKEY_MAX_GRACE,
    rollbackWindowMs: given.REKEY_ROLLBACK_WINDOW,
  }
}

/** @param address a host name or an IP address, IPv4 in IPv6 too */
export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/.test(address)
}
