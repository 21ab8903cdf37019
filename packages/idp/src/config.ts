import { checkPolicy, defaultPolicy, type Policy } from '@rekey/keyring'
import { type VaultSettings, vaultVariables } from '@rekey/secrets'
import {
  duration,
  flag,
  givenVariables,
  readEnvironment,
  type ServiceConfig,
  serviceSettingsOf,
  serviceVariables,
} from '@rekey/service'
import { z } from 'zod'
import { type BreakGlassSettings, breakGlassOf, breakGlassVariables } from './config/break-glass.ts'
import { type ColumnSettings, columnsOf, columnVariables } from './config/columns.ts'
import { type CredentialPolicy, credentialPolicyOf, credentialVariables } from './config/credentials.ts'
import { type ExpiryPolicy, expiryPolicyOf, expiryVariables } from './config/expiry.ts'
import { type JobSettings, jobSettingsOf, jobVariables } from './config/jobs.ts'
import { type Limits, limitsOf, limitVariables } from './config/limits.ts'
import { type OidcSettings, oidcOf, oidcVariables } from './config/oidc.ts'
import { vaultSettingsOf } from './config/vault.ts'
import { type WebhookSettings, webhookSettingsOf, webhookVariables } from './config/webhooks.ts'
import { IdpError } from './error.ts'
import { variableUses } from './inventory/variables.ts'

/** What an instance is started with. Durations are milliseconds. */
export interface Config extends ServiceConfig {
  issuer: string
  /** Folders of keyring stores whose changes are to reach the audit. */
  auditOutboxes: readonly string[]
  credentials: CredentialPolicy
  expiry: ExpiryPolicy
  webhooks: WebhookSettings
  jobs: JobSettings
  limits: Limits
  /** Where client secrets are kept instead of as hashes in the database. */
  vault: VaultSettings | undefined
  /** The keys of encrypted columns. */
  columns: ColumnSettings
  breakGlass: BreakGlassSettings
  /** The names of the variables that hold secrets which are listed by them, and are set. */
  secretVariables: readonly string[]
  oidc: OidcSettings
  audience: string
  accessTokenTtlMs: number
  jwksMaxAgeMs: number
  policy: Policy
  forceRotation: boolean
  /** The first administrator, made at start if he is not there. */
  administrator: { clientId: string; clientSecret: string } | undefined
}

/** The keyrings that an identity provider has, and what each signs with. */
export const signingKeyrings = [
  { name: 'signing-es256', algorithm: 'ES256' },
  { name: 'signing-rs256', algorithm: 'RS256' },
] as const

/** Access tokens are issued by this keyring until an operator moves issuance to another. */
export const firstIssuer = 'signing-es256' satisfies (typeof signingKeyrings)[number]['name']

const environment = z.object({
  REKEY_ISSUER: z
    .url({ protocol: /^https?$/ })
    .refine((url) => !/[?#]|\/$/.test(url), 'no query, fragment or trailing slash'),
  ...serviceVariables(8002),
  REKEY_AUDIT_OUTBOXES: z
    .string()
    .transform((text) => text.split(':').filter((folder) => folder !== ''))
    .default([]),
  ...credentialVariables,
  ...expiryVariables,
  ...limitVariables,
  ...vaultVariables,
  ...webhookVariables,
  ...jobVariables,
  ...columnVariables,
  ...breakGlassVariables,
  ...oidcVariables,
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
    .regex(/^[A-Za-z0-9._-]{1,100}$/, 'letters, digits, dots, hyphens and underscores')
    .optional(),
  REKEY_ADMIN_CLIENT_SECRET: z.string().min(32, 'at least 32 characters of random').optional(),
  OIDC_FORCE_KEY_ROTATION: flag.default(false),
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
  const given = readEnvironment(environment, env)
  const service = serviceSettingsOf(given)
  const policy = policyOf(given)
  checkPolicy(policy)
  return {
    ...service,
    issuer: given.REKEY_ISSUER,
    auditOutboxes: given.REKEY_AUDIT_OUTBOXES,
    credentials: credentialPolicyOf(given),
    expiry: expiryPolicyOf(given),
    limits: limitsOf(given),
    vault: vaultSettingsOf(given),
    webhooks: webhookSettingsOf(given),
    jobs: jobSettingsOf(given),
    columns: columnsOf(given),
    breakGlass: breakGlassOf(given),
    secretVariables: givenVariables(variableUses, env),
    oidc: oidcOf(given),
    audience: given.REKEY_AUDIENCE,
    accessTokenTtlMs: given.REKEY_ACCESS_TOKEN_TTL,
    jwksMaxAgeMs: policy.jwksMaxAgeMs,
    policy,
    forceRotation: given.OIDC_FORCE_KEY_ROTATION,
    administrator: administratorOf(given),
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

function administratorOf(given: z.infer<typeof environment>): Config['administrator'] {
  const { REKEY_ADMIN_CLIENT_ID: clientId, REKEY_ADMIN_CLIENT_SECRET: clientSecret } = given
  if (clientId === undefined && clientSecret === undefined) return undefined
  if (clientId !== undefined && clientSecret !== undefined) return { clientId, clientSecret }
  throw new IdpError('CONFIG_INVALID', 'REKEY_ADMIN_CLIENT_ID and REKEY_ADMIN_CLIENT_SECRET go together')
}
