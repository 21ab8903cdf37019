import { acceptedTypes, type RequiredTyp } from './typ.ts'

/** What is expected of a JWT beside its signature. `issuer` and `audience` have no default. */
export interface JwtExpectation {
  /** The one `iss` that is accepted, compared literally. `null` accepts any: only where the keys belong to one issuer. */
  readonly issuer: string | null
  /** One of these must be in `aud`. `null` accepts tokens meant for anybody. */
  readonly audience: string | readonly string[] | null
  /** How far the issuer's clock may be off, in milliseconds. Default 0. */
  readonly clockToleranceMs?: number
  /**
   * The `typ` a token must have, with or without `application/` and in any case: one, a list of which one is enough
   * (`null` in the list: a token without `typ` is good too), or `null` for any.
   */
  readonly requiredTyp?: RequiredTyp
  /** Claims that must be there, whatever they say; `null` counts as not there. */
  readonly requiredClaims?: readonly string[]
  /** The clients whose tokens are accepted: `azp`, or `client_id` where there is no `azp`. Default: all. */
  readonly authorizedParties?: readonly string[]
  /** Longest life of a token that is accepted, in milliseconds: `exp - iat`, or what is left where there is no `iat`. */
  readonly maxTokenLifetimeMs?: number
}

/** What a token is held against, checked for wrong use beforehand. */
export interface Expectation {
  readonly issuer: string | null
  readonly audience: string | readonly string[] | null
  readonly nowMs: number
  readonly clockToleranceMs: number
  readonly requiredTyp?: readonly (string | null)[] | null
  readonly requiredClaims?: readonly string[]
  readonly authorizedParties?: readonly string[] | undefined
  readonly maxTokenLifetimeMs?: number | undefined
}

/** An empty name is what an unset variable leaves behind; it must not quietly mean "any". */
function assertIssuer(issuer: unknown): asserts issuer is string | null {
  if (issuer === null || (typeof issuer === 'string' && issuer !== '')) return
  throw new TypeError('issuer is required: a string, or explicitly null')
}

const areNames = (names: unknown): boolean =>
  Array.isArray(names) && names.every((name) => typeof name === 'string' && name !== '')

function assertAudience(audience: unknown): asserts audience is string | readonly string[] | null {
  const names = Array.isArray(audience) ? audience : [audience]
  if (audience === null || (names.length > 0 && areNames(names))) return
  throw new TypeError('audience is required: a string, an array of strings, or explicitly null')
}

function assertTolerance(toleranceMs: unknown): asserts toleranceMs is number {
  if (typeof toleranceMs === 'number' && Number.isFinite(toleranceMs) && toleranceMs >= 0) return
  throw new TypeError('clockToleranceMs must be a number of milliseconds, 0 or more')
}

function assertParties(parties: readonly string[] | undefined): void {
  if (parties === undefined || (areNames(parties) && parties.length > 0)) return
  throw new TypeError('authorizedParties must be an array of at least one client id')
}

function assertLifetime(lifetimeMs: number | undefined): void {
  if (lifetimeMs === undefined || (Number.isFinite(lifetimeMs) && lifetimeMs > 0)) return
  throw new TypeError('maxTokenLifetimeMs must be a number of milliseconds above 0')
}

/**
 * Everything of an {@link Expectation} but the time. `requiredTyp` left out means any.
 * @throws {TypeError} for what is missing or of the wrong shape.
 */
export function checkedExpectation(options: JwtExpectation): Omit<Expectation, 'nowMs'> {
  const { issuer, audience, clockToleranceMs = 0, requiredClaims = [] } = options
  const { authorizedParties, maxTokenLifetimeMs, requiredTyp = null } = options
  assertIssuer(issuer)
  assertAudience(audience)
  assertTolerance(clockToleranceMs)
  if (!areNames(requiredClaims)) throw new TypeError('requiredClaims must be an array of names of claims')
  assertParties(authorizedParties)
  assertLifetime(maxTokenLifetimeMs)
  const types = acceptedTypes(requiredTyp)
  return {
    issuer,
    audience,
    clockToleranceMs,
    requiredTyp: types,
    requiredClaims,
    authorizedParties,
    maxTokenLifetimeMs,
  }
}
