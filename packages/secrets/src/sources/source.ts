import { SecretsError } from '../error.ts'

/**
 * A place outside the database where secrets stand: one or several, the newest first.
 *
 * Everything throws SecretsError: `SOURCE_MISSING` when there is nothing to read, `SOURCE_INVALID` when what stands there is
 * no secret, `SOURCE_UNAVAILABLE`, `VAULT_UNAVAILABLE` and `VAULT_REFUSED` when that cannot be found out now. No message
 * holds a secret, or anything that a program or a Vault said.
 */
export interface SecretSource {
  /** For logs, status and messages: what it was named by, without the arguments of a program. */
  readonly description: string
  /** How long what was read is good enough, for whoever looks again and again: a program is not started each second. */
  readonly restMs: number
  /** Reads it anew. At least one, none of them empty or with white space or a comma in it; the newest first. */
  values(): Promise<string[]>
  /** May `add` and `remove` be tried? */
  isWritable(): Promise<boolean>
  /**
   * Puts a new value before the others. One that is the newest already is left as it is, so that whoever missed the reply may
   * ask again.
   *
   * @throws SecretsError `SOURCE_NOT_WRITABLE`
   */
  add(value: string): Promise<void>
  /**
   * Takes a value out, for good; one that is not there is gone. The last one stays.
   *
   * @throws SecretsError `SOURCE_NOT_WRITABLE`; `SOURCE_INVALID` when none would be left
   */
  remove(value: string): Promise<void>
  close(): void
}

/**
 * The secrets in a text: white space or commas between them.
 *
 * @throws SecretsError `SOURCE_INVALID` when there is none
 */
export function valuesIn(text: string, description: string): string[] {
  const values = text.split(/[\s,]+/).filter((part) => part !== '')
  if (values.length === 0) throw new SecretsError('SOURCE_INVALID', `${description} holds no value`)
  return values
}

/** @throws SecretsError `SOURCE_INVALID` for what could not be read back as one value */
export function requireOne(value: string, description: string): void {
  if (/^[^\s,]+$/.test(value)) return
  throw new SecretsError('SOURCE_INVALID', `a value for ${description} is empty, or has white space or a comma in it`)
}

/**
 * What stands in a source when a value is to be added.
 *
 * @returns whether it is the newest already
 * @throws SecretsError `SOURCE_INVALID` when it stands there behind a newer one
 */
export function isNewest(value: string, values: readonly string[], description: string): boolean {
  const place = values.findIndex((other) => isSame(other, value))
  if (place <= 0) return place === 0
  throw new SecretsError('SOURCE_INVALID', `the value is in ${description} already, behind a newer one`)
}

/** @throws SecretsError `SOURCE_INVALID` when none would be left */
export function without(value: string, values: readonly string[], description: string): string[] {
  const left = values.filter((other) => !isSame(other, value))
  if (left.length > 0) return left
  throw new SecretsError('SOURCE_INVALID', `no value would be left in ${description}`)
}

/** Hexadecimal digits are the same ones in capitals. */
export function isSame(one: string, other: string): boolean {
  const isHex = /^[0-9a-f]+$/i.test(one)
  return one === other || (isHex && one.toLowerCase() === other.toLowerCase())
}

export function notWritable(description: string, why: string): SecretsError {
  return new SecretsError('SOURCE_NOT_WRITABLE', `${description} cannot be changed from here: ${why}`)
}
