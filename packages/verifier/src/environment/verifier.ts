import type { Clock } from '../clock.ts'
import { algorithmNamed, PUBLIC_KEY_ALGORITHMS } from '../jws/algorithms.ts'
import type { RequiredTyp } from '../jwt/typ.ts'
import { assertVerifierOptions, type VerifierOptions } from '../options.ts'
import type { Environment } from '../secrets/environment.ts'
import { secretsNow } from '../secrets/source.ts'
import { assertStrongSecrets } from '../secrets/strength.ts'
import { assertFamily } from '../trust/family.ts'
import { jwksPolling } from '../trust/polling/source.ts'
import { sharedSecrets } from '../trust/shared/source.ts'
import type { TrustSource } from '../trust/source.ts'
import { named, Settings } from './settings.ts'

/** Few issuers write `at+jwt` (RFC 9068); what calls itself something else (an ID token, a logout token) is refused. */
const TYPES = ['at+jwt', 'JWT', null]

/**
 * The options of a verifier as `REKEY_JWT_*` has them, or `FLUXLIT_JWT_*`: `ISSUER`, `AUDIENCE` (several with commas),
 * `JWKS_URL` or `HS256_SECRET` (`new,old`, `file:/path`, or `HS256_SECRET_FILE`), `LEEWAY_SECONDS`, `ALGORITHMS` and `TYP`
 * (lists; in `TYP`, `none` stands for tokens without one, and `any` alone for all). An empty variable counts as not set.
 *
 * @param given goes before what the environment says; `issuer: null` and `audience: null` accept any
 * @throws {TypeError} for an option in `given` that there is not; or that names everything that is missing,
 *   contradictory or of the wrong shape, and shows no value
 */
export function verifierFromEnvironment(env: Environment, given: Partial<VerifierOptions> = {}): VerifierOptions {
  if (typeof env !== 'object' || env === null) throw new TypeError('an environment is required, such as process.env')
  assertVerifierOptions('a verifier', given)
  const settings = new Settings(env)
  const wanted = given.algorithms ?? settings.list('ALGORITHMS')
  const trust = given.trust ?? trustFrom(settings, given.clock)
  const algorithms = wanted ?? (trust?.family === 'shared-secrets' ? ['HS256'] : PUBLIC_KEY_ALGORITHMS)
  if (trust !== undefined) settings.attempt('ALGORITHMS', () => assertAlgorithmsFor(trust, algorithms))
  const options = {
    ...given,
    issuer: given.issuer === undefined ? required(settings, 'ISSUER', settings.text('ISSUER')) : given.issuer,
    audience: given.audience === undefined ? required(settings, 'AUDIENCE', settings.list('AUDIENCE')) : given.audience,
    algorithms,
    trust,
    clockToleranceMs: given.clockToleranceMs ?? leewayMs(settings),
    requiredTyp: given.requiredTyp === undefined ? types(settings) : given.requiredTyp,
  }
  settings.assertGood()
  // Nothing is missing: that would have been a problem.
  return options as VerifierOptions
}

function required<T>(settings: Settings, setting: string, value: T | undefined): T | undefined {
  if (!settings.isSet(setting)) settings.problem(`${named(setting)} is not set`)
  return value
}

/** From a URL or from secrets; both at once would leave open whose tokens are meant, and neither has none. */
function trustFrom(settings: Settings, clock: Clock | undefined): TrustSource | undefined {
  const secrets = settings.secrets('HS256_SECRET')
  const url = settings.text('JWKS_URL')
  if (settings.isSet('HS256_SECRET') === settings.isSet('JWKS_URL')) {
    settings.problem(`exactly one must be set: ${named('JWKS_URL')}, or ${named('HS256_SECRET')}`)
    return undefined
  }
  const time = clock && { clock }
  if (url !== undefined) return settings.attempt('JWKS_URL', () => jwksPolling({ jwksUri: url, ...time }))
  if (secrets === undefined) return undefined
  return settings.attempt('HS256_SECRET', () => {
    // A file is read again at the start; what is wrong with it is told here, by the name of the variable.
    assertStrongSecrets(secretsNow(secrets), [])
    return sharedSecrets({ secrets, ...time })
  })
}

function assertAlgorithmsFor(trust: TrustSource, algorithms: readonly string[]): void {
  if (!algorithms.every((name) => algorithmNamed(name) !== undefined)) throw new TypeError('there is no such algorithm')
  assertFamily(algorithms, trust)
}

function leewayMs(settings: Settings): number {
  const text = settings.text('LEEWAY_SECONDS') ?? '0'
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Number.NaN
  if (!Number.isFinite(ms)) settings.problem(`${named('LEEWAY_SECONDS')} must be a number of seconds, 0 or more`)
  return ms
}

function types(settings: Settings): RequiredTyp {
  const names = settings.list('TYP')
  if (names?.length === 1 && names[0] === 'any') return null
  return names?.map((name) => (name === 'none' ? null : name)) ?? TYPES
}
