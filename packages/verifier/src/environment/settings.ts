import { VerifyError } from '../error.ts'
import { type Environment, secretFromEnvironment, variable } from '../secrets/environment.ts'
import type { SecretSource } from '../secrets/source.ts'

/** Ours, and those that FluxLit's gateway reads: whoever comes from there need not rename anything. */
const PREFIXES = ['REKEY_JWT_', 'FLUXLIT_JWT_']

/** How a setting is called towards whoever has to set it. */
export const named = (setting: string): string => PREFIXES.map((prefix) => prefix + setting).join(' or ')

function listed(text: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  if (names.some((name) => name === '')) throw new TypeError('there is nothing between two commas')
  return names
}

/**
 * Reads settings from an environment and gathers everything that is wrong with them, so that it can be told at once. No
 * problem ever has a value in it: one of them may be a secret in the wrong variable.
 */
export class Settings {
  readonly #env: Environment
  readonly #problems: string[] = []

  constructor(env: Environment) {
    this.#env = env
  }

  text(setting: string): string | undefined {
    return this.#agreed(setting, (name) => variable(this.#env, name))
  }

  secrets(setting: string): SecretSource | undefined {
    return this.#agreed(setting, (name) => secretFromEnvironment(this.#env, name))
  }

  /** With a comma between two; undefined when it is not set, or not understood. */
  list(setting: string): string[] | undefined {
    const text = this.text(setting)
    return text === undefined ? undefined : this.attempt(setting, () => listed(text))
  }

  /** Whether anything is set, understood or not: what is wrong with it is one problem, and that it is missing another. */
  isSet(setting: string): boolean {
    return this.#variables(setting).length > 0
  }

  problem(text: string): void {
    this.#problems.push(text)
  }

  /** What `make` gives for a setting; what it finds wrong becomes one of the problems. */
  attempt<T>(setting: string, make: () => T): T | undefined {
    try {
      return make()
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof VerifyError)) throw error
      const where = this.#variables(setting).join(' and ') || named(setting)
      this.problem(error.message.startsWith(where) ? error.message : `${where}: ${error.message}`)
      return undefined
    }
  }

  /** @throws {TypeError} with all that was found wrong, a line each */
  assertGood(): void {
    if (this.#problems.length === 0) return
    throw new TypeError(`the environment does not say how to verify tokens:\n${this.#problems.join('\n')}`)
  }

  /** The variables that say it; only a secret may also stand in a file that a variable names. */
  #variables(setting: string): string[] {
    const endings = setting.endsWith('_SECRET') ? ['', '_FILE'] : ['']
    const names = PREFIXES.flatMap((prefix) => endings.map((ending) => prefix + setting + ending))
    return names.filter((name) => variable(this.#env, name) !== undefined)
  }

  /** Both prefixes may be set during a move, but not to different things. */
  #agreed<T>(setting: string, read: (name: string) => T | undefined): T | undefined {
    return this.attempt(setting, () => {
      const values = PREFIXES.map((prefix) => read(prefix + setting)).filter((value) => value !== undefined)
      const [first] = values
      if (values.every((value) => JSON.stringify(value) === JSON.stringify(first))) return first
      throw new TypeError('set to different values')
    })
  }
}
