import { checkPolicy, defaultPolicy, type Policy, parseDuration } from '@rekey/keyring'
import { z } from 'zod'
import { IdpError } from './error.ts'
import { networks } from './http/proxies.ts'

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
  /** Where revocations are remembered outside the database. */
  revocationJournal: string | undefined
  /** Where signed checkpoints of the audit are kept outside the database. */
  auditCheckpoints: string | undefined
  /** Folders of keyring stores whose changes are to reach the audit. */
  auditOutboxes: readonly string[]
  credentials: CredentialPolicy
  limits: Limits
  /** Addresses and networks of proxies whose X-Forwarded-For is believed. */
  trustedProxies: readonly string[]
  /** Where client secrets are kept instead of as hashes in the database. */
  vault: VaultSettings | undefined
  audience: string
  accessTokenTtlMs: number
  jwksMaxAgeMs: number
  policy: Policy
  forceRotation: boolean
  /** The first administrator, made at start if he is not there. */
  administrator: { clientId: string; clientSecret: string } | undefined
  logLevel: string
}

/** When credentials of agents are due for rotation, and how long a client must not be seen with an old secret in an overlap. */
export interface CredentialPolicy {
  rotateEveryMs: Readonly<Record<'production' | 'staging' | 'serviceAccount', number>>
  quietMs: number
}

/** At most so many in a window. */
export interface Limit {
  most: number
  withinMs: number
}

export interface Limits {
  /** Of one source address. Who authenticates well is never limited. */
  failedAuthentications: Limit
  /** Of one administering client. */
  administration: Limit
}

export interface VaultSettings {
  address: string
  token: string | undefined
  /** Read again whenever the token is refused: an agent beside us renews it. */
  tokenFile: string | undefined
  namespace: string | undefined
  mount: string
  caFile: string | undefined
}

/** The keyrings that an identity provider has, and what each signs with. */
export const signingKeyrings = [
  { name: 'signing-es256', algorithm: 'ES256' },
  { name: 'signing-rs256', algorithm: 'RS256' },
] as const

/** Access tokens are issued by this keyring until an operator moves issuance to another. */
export const firstIssuer = 'signing-es256' satisfies (typeof signingKeyrings)[number]['name']

const dayMs = 86_400_000

const duration = z.string().transform((text, context) => {
  try {
    return parseDuration(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
    return z.NEVER
  }
})

const limit = z
  .string()
  .regex(/^[1-9]\d{0,6}\/\d{1,6}(ms|s|m|h)$/, 'write for example 100/10s')
  .transform((text) => {
    const [most = '', within = ''] = text.split('/')
    return { most: Number(most), withinMs: parseDuration(within) }
  })
  .refine(({ withinMs }) => withinMs > 0, 'the window is empty')

const flag = z.enum(['true', 'false', '1', '0']).transform((text) => text === 'true' || text === '1')

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
  REKEY_REVOCATION_JOURNAL: z.string().optional(),
  REKEY_AUDIT_CHECKPOINTS: z.string().optional(),
  REKEY_AUDIT_OUTBOXES: z
    .string()
    .transform((text) => text.split(':').filter((folder) => folder !== ''))
    .default([]),
  REKEY_CREDENTIAL_ROTATION_PRODUCTION: duration.default(90 * dayMs),
  REKEY_CREDENTIAL_ROTATION_STAGING: duration.default(180 * dayMs),
  REKEY_CREDENTIAL_ROTATION_SERVICE_ACCOUNT: duration.default(365 * dayMs),
  REKEY_CREDENTIAL_QUIET: duration.default(dayMs),
  REKEY_FAILED_AUTHENTICATION_LIMIT: limit.default({ most: 100, withinMs: 10_000 }),
  REKEY_ADMINISTRATION_LIMIT: limit.default({ most: 1_000, withinMs: 10_000 }),
  REKEY_TRUSTED_PROXIES: networks.default([]),
  VAULT_ADDR: z.url({ protocol: /^https?$/ }).optional(),
  VAULT_TOKEN: z.string().optional(),
  VAULT_TOKEN_FILE: z.string().optional(),
  VAULT_NAMESPACE: z.string().optional(),
  VAULT_MOUNT: z
    .string()
    .regex(/^[\w-]+(\/[\w-]+)*$/)
    .default('secret'),
  VAULT_CACERT: z.string().optional(),
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
  REKEY_ADMIN_CLIENT_ID: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,100}$/, 'letters, digits, dots, hyphens')
    .optional(),
  REKEY_ADMIN_CLIENT_SECRET: z.string().min(32, 'at least 32 characters of random').optional(),
  OIDC_FORCE_KEY_ROTATION: flag.default(false),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
})

/** The names of all variables that an instance reads, the one that REKEY_ROOT_KEY may name excepted. */
export const configVariables: readonly string[] = Object.keys(environment.shape)

/**
 * Reads the configuration from the environment.
 *
 * @throws IdpError `CONFIG_INVALID`, naming every variable that is wrong, never a secret's value; KeyringError `POLICY_INVALID`
 *   when tokens would outlive the keys that verify them
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  // Compose files pass variables that are set to nothing; that is to say nothing.
  const said = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = environment.safeParse(said)
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
  for (const name of ['DATABASE_URL', 'DATABASE_DIRECT_URL', 'DATABASE_OWNER_URL'] as const) {
    if (given[name] !== undefined && leaksBeyondLoopback(given[name]) && !given.REKEY_ALLOW_PLAINTEXT) {
      throw new IdpError(
        'CONFIG_INVALID',
        `${name} would carry secrets in plaintext beyond this machine; add sslmode=verify-full to it, or say ` +
          'REKEY_ALLOW_PLAINTEXT=true where the network itself is encrypted',
      )
    }
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
    revocationJournal: given.REKEY_REVOCATION_JOURNAL,
    auditCheckpoints: given.REKEY_AUDIT_CHECKPOINTS,
    auditOutboxes: given.REKEY_AUDIT_OUTBOXES,
    credentials: credentialPolicyOf(given),
    limits: {
      failedAuthentications: given.REKEY_FAILED_AUTHENTICATION_LIMIT,
      administration: given.REKEY_ADMINISTRATION_LIMIT,
    },
    trustedProxies: given.REKEY_TRUSTED_PROXIES,
    vault: vaultOf(given),
    audience: given.REKEY_AUDIENCE,
    accessTokenTtlMs: given.REKEY_ACCESS_TOKEN_TTL,
    jwksMaxAgeMs: policy.jwksMaxAgeMs,
    policy,
    forceRotation: given.OIDC_FORCE_KEY_ROTATION,
    administrator: administratorOf(given),
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

/** Whoever holds a token until it expires asks no more often than that: not to be seen for less says nothing. */
function credentialPolicyOf(given: z.infer<typeof environment>): CredentialPolicy {
  const { REKEY_CREDENTIAL_QUIET: quietMs, REKEY_ACCESS_TOKEN_TTL: ttlMs } = given
  if (quietMs < ttlMs) {
    throw new IdpError(
      'CONFIG_INVALID',
      `REKEY_CREDENTIAL_QUIET (${quietMs} ms) is shorter than REKEY_ACCESS_TOKEN_TTL (${ttlMs} ms): a client that ` +
        'still needs its old secret may not be seen for as long as its token lives',
    )
  }
  return {
    rotateEveryMs: {
      production: given.REKEY_CREDENTIAL_ROTATION_PRODUCTION,
      staging: given.REKEY_CREDENTIAL_ROTATION_STAGING,
      serviceAccount: given.REKEY_CREDENTIAL_ROTATION_SERVICE_ACCOUNT,
    },
    quietMs,
  }
}

function vaultOf(given: z.infer<typeof environment>): VaultSettings | undefined {
  const { VAULT_ADDR: address, VAULT_TOKEN: token, VAULT_TOKEN_FILE: tokenFile } = given
  if (address === undefined) return undefined
  if (token === undefined && tokenFile === undefined) {
    throw new IdpError('CONFIG_INVALID', 'VAULT_ADDR needs VAULT_TOKEN or VAULT_TOKEN_FILE')
  }
  const { protocol, hostname } = new URL(address)
  if (protocol === 'http:' && !isLoopback(hostname.replace(/^\[|\]$/g, '')) && !given.REKEY_ALLOW_PLAINTEXT) {
    throw new IdpError('CONFIG_INVALID', 'VAULT_ADDR would carry secrets in plaintext beyond this machine; use https')
  }
  return {
    address: address.replace(/\/+$/, ''),
    token,
    tokenFile,
    namespace: given.VAULT_NAMESPACE,
    mount: given.VAULT_MOUNT,
    caFile: given.VAULT_CACERT,
  }
}

function administratorOf(given: z.infer<typeof environment>): Config['administrator'] {
  const { REKEY_ADMIN_CLIENT_ID: clientId, REKEY_ADMIN_CLIENT_SECRET: clientSecret } = given
  if (clientId === undefined && clientSecret === undefined) return undefined
  if (clientId !== undefined && clientSecret !== undefined) return { clientId, clientSecret }
  throw new IdpError('CONFIG_INVALID', 'REKEY_ADMIN_CLIENT_ID and REKEY_ADMIN_CLIENT_SECRET go together')
}

/** A socket in the file system has no host name. */
function leaksBeyondLoopback(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { hostname, searchParams } = new URL(url)
  const isLocal = hostname === '' || isLoopback(hostname.replace(/^\[|\]$/g, ''))
  return !isLocal && !/^(require|verify-ca|verify-full)$/.test(searchParams.get('sslmode') ?? '')
}

/** @param address a host name or an IP address, IPv4 in IPv6 too */
export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/.test(address)
}
