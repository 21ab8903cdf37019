import { parseDuration } from '@rekey/keyring'
import {
  duration,
  givenVariables,
  isExposed,
  readEnvironment,
  type ServiceConfig,
  ServiceError,
  serviceSettingsOf,
  serviceVariables,
} from '@rekey/service'
import type { VerifierOptions } from '@rekey/verifier'
import { z } from 'zod'
import { bearerVariables, environmentVerifier } from './bearer/environment.ts'
import { type AdministrationSettings, administrationOf, administrationVariables } from './config/administration.ts'
import { type CorsSettings, corsOf, corsVariables } from './config/cors.ts'
import { type ConfigFiles, readConfigFiles } from './config/files/read.ts'
import { type ProviderSettings, providerOf, providerVariables } from './config/provider.ts'
import { type ProxySettings, proxyOf, proxyVariables } from './config/proxy.ts'
import { type GivenSecrets, secretsOf, secretVariables } from './config/secrets.ts'
import { type SessionSettings, sessionsOf, sessionVariables } from './config/sessions.ts'
import { type WebSettings, webOf, webVariables } from './config/web.ts'
import { variableUses } from './inventory/variables.ts'

/** What an instance is started with. Durations are milliseconds. */
export interface Config extends ServiceConfig {
  /** Where browsers reach this BFF, without a slash at the end. */
  publicUrl: string
  /** The issuer whose tokens bearer routes accept, where variables name one. */
  issuer: VerifierOptions | undefined
  /** idps.yaml, pdp.yaml and routes.yaml. */
  files: ConfigFiles
  administration: AdministrationSettings
  cors: CorsSettings
  proxy: ProxySettings
  web: WebSettings
  /** Of its own keyrings, where whoever starts it gives them. */
  secrets: GivenSecrets
  /** The names of the variables that hold secrets which are listed by them, and are set. */
  secretVariables: readonly string[]
  provider: ProviderSettings
  sessions: SessionSettings
  rotateEveryMs: number
  skewMs: number
  rollbackWindowMs: number
}

const environment = z.object({
  REKEY_BFF_URL: z
    .url({ protocol: /^https?$/ })
    .refine((url) => /^https?:\/\/[^/?#@]+$/.test(url), 'an origin: no path, query, credentials or trailing slash'),
  ...serviceVariables(8000),
  BFF_CONFIG_DIR: z.string().optional(),
  ...administrationVariables,
  ...corsVariables,
  ...proxyVariables,
  ...webVariables,
  ...providerVariables,
  ...secretVariables,
  ...sessionVariables,
  REKEY_ROTATE_EVERY: duration.default(parseDuration('90d')),
  REKEY_CLOCK_SKEW: duration.default(parseDuration('30s')),
  REKEY_ROLLBACK_WINDOW: duration.default(parseDuration('10m')),
})

/** The names of all variables that an instance reads. */
export const configVariables: readonly string[] = [...Object.keys(environment.shape), ...bearerVariables]

/**
 * Reads the configuration from the environment.
 *
 * @throws ServiceError `CONFIG_INVALID`, naming every variable that is wrong, never a secret's value
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const given = readEnvironment(environment, env)
  const service = serviceSettingsOf(given)
  if (isExposed(new URL(given.REKEY_BFF_URL)) && !given.REKEY_ALLOW_PLAINTEXT) {
    throw new ServiceError(
      'CONFIG_INVALID',
      'REKEY_BFF_URL would have browsers send their cookies in plaintext beyond this machine; use https, or say ' +
        'REKEY_ALLOW_PLAINTEXT=true where the network itself is encrypted',
    )
  }
  const issuer = environmentVerifier(env)
  const web = webOf(given)
  const reach = {
    allowPlaintext: given.REKEY_ALLOW_PLAINTEXT,
    hasOtherIdp: issuer !== undefined,
    hasPages: web.folder !== undefined,
  }
  return {
    ...service,
    publicUrl: given.REKEY_BFF_URL,
    issuer,
    files: readConfigFiles(given.BFF_CONFIG_DIR, env, reach),
    administration: administrationOf(given),
    cors: corsOf(given),
    proxy: proxyOf(given),
    web,
    provider: providerOf(given),
    secrets: secretsOf(given),
    secretVariables: givenVariables(variableUses, env),
    sessions: sessionsOf(given),
    rotateEveryMs: given.REKEY_ROTATE_EVERY,
    skewMs: given.REKEY_CLOCK_SKEW,
    rollbackWindowMs: given.REKEY_ROLLBACK_WINDOW,
  }
}
