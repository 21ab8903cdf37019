import { VerifyError } from '../error.ts'
import { type SecretSource, secretsNow } from './source.ts'

/** An environment, such as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The value of a variable; an empty one is what an unset one leaves behind in templates, and counts as not set. */
export function variable(env: Environment, name: string): string | undefined {
  const value = Object.hasOwn(env, name) ? env[name]?.trim() : undefined
  return value === '' ? undefined : value
}

/**
 * The secrets that `NAME` holds (`new,old`, or `file:/path`) or that stand in the file named by `NAME_FILE`; undefined
 * when neither is set.
 *
 * @throws {TypeError} when both are: it would be a guess which one is meant.
 */
export function secretFromEnvironment(env: Environment, name: string): SecretSource | undefined {
  const text = variable(env, name)
  const file = variable(env, `${name}_FILE`)
  if (text !== undefined && file !== undefined) throw new TypeError(`${name} and ${name}_FILE are both set`)
  return file === undefined ? text : { file }
}

/** Which of the two variables of {@link secretFromEnvironment} a source came from. */
export const variableOf = (source: SecretSource, name: string): string =>
  typeof source === 'string' ? name : `${name}_FILE`

/**
 * The newest of the secrets that {@link secretFromEnvironment} finds, as it is now: for whoever presents it to those that hold
 * them. Undefined when none is set.
 *
 * @throws {TypeError} for what is no secret, or when both variables are set; {VerifyError} `secrets_failed` when the file cannot
 *   be read. Both name the variable, and no message has anything of a secret in it.
 */
export function newestSecret(env: Environment, name: string): string | undefined {
  const source = secretFromEnvironment(env, name)
  return source === undefined ? undefined : naming(variableOf(source, name), () => secretsNow(source)[0])
}

/** Has the error say whose fault it is: what is wrong with a secret is known where nobody knows its name. */
export function naming<T>(name: string, make: () => T): T {
  try {
    return make()
  } catch (cause) {
    if (cause instanceof TypeError) throw new TypeError(`${name}: ${cause.message}`, { cause })
    if (!(cause instanceof VerifyError)) throw cause
    const detail = cause.message.slice(new VerifyError(cause.code).message.length)
    throw new VerifyError(cause.code, { detail: name + detail, cause: cause.cause })
  }
}
