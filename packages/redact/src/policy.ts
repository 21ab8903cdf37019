import { type Names, namesWith, plain } from './names.ts'

/** What a team adds to what is known already. */
export interface RedactOptions {
  /**
   * Names of headers whose values may be shown besides the usual ones, in any case. `Authorization` and cookies keep
   * their own rules, and a token that can be told by its form is hidden in these headers too.
   */
  readonly allowHeaders?: readonly string[]
  /**
   * Names of members, parameters and fields whose values are secret. The spelling does not matter: `nationalId` stands
   * for `national_id`, `NATIONAL-ID` and their plurals as well.
   */
  readonly secretNames?: readonly string[]
}

/** The options, made ready once. */
export interface Policy extends Names {
  readonly allowedHeaders: ReadonlySet<string>
}

/** Throws a TypeError for options that are no lists of names. */
export function policyOf(options: RedactOptions = {}): Policy {
  const allowedHeaders = new Set(listOf('allowHeaders', options.allowHeaders).map((name) => name.toLowerCase()))
  return { ...namesWith(listOf('secretNames', options.secretNames)), allowedHeaders }
}

/** The same, with more headers that may be shown. */
export function alsoAllowing(policy: Policy, names: readonly string[]): Policy {
  if (names.length === 0) return policy
  return { ...policy, allowedHeaders: new Set([...policy.allowedHeaders, ...names.map((name) => name.toLowerCase())]) }
}

function listOf(option: string, names: readonly string[] = []): readonly string[] {
  const good = Array.isArray(names) && names.every((name) => typeof name === 'string' && plain(name) !== '')
  if (!good) throw new TypeError(`${option} must be a list of names, each with at least one letter or digit`)
  return names
}
