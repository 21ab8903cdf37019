/** The name of every option, with nothing left out: a new option that is not put here does not compile. */
export type OptionNames<T extends object> = { readonly [Name in keyof T]-?: true }

/**
 * A misspelt option would count as one that was not set, and a guard without its scopes lets everybody in.
 * @throws {TypeError} that names the first option that there is not, or for what is no object of options
 */
export function assertKnown<T extends object>(of: string, options: T, known: OptionNames<T>): void {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw new TypeError(`the options of ${of} must be an object`)
  }
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(known, name))
  if (unknown !== undefined) throw new TypeError(`${of} has no option '${unknown}'`)
}
