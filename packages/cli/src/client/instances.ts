import { CliError } from '../error.ts'

/** An instance that says so has done nothing of what it was asked for. (By RFC 6749 the token endpoint has its own word.) */
const notServing: ReadonlySet<unknown> = new Set(['NO_LEASE', 'OVERLOADED', 'temporarily_unavailable'])

/** What is asked for, and whether it may be asked again when it may have been done already. */
export interface Ask<T> {
  of(idp: string): Promise<T>
  mayRepeat(): boolean
  /** How often every instance is asked. Default: once. */
  rounds?: number
}

/**
 * The instances of an estate's IdP. A command asks the one that answered last, and the others in order when that one is not
 * there or cannot serve.
 *
 * A connection that broke off, or a reply that did not come, may hide that the request was carried out: it is taken to
 * another instance only if it may be repeated. Two agents, or two rotations, are not what somebody asked for.
 */
export class Instances {
  readonly #idps: readonly string[]
  #current = 0

  constructor(idps: readonly string[]) {
    this.#idps = idps
  }

  /** @throws CliError of the last one that was asked; with the messages of the others before it */
  async ask<T>({ of, mayRepeat, rounds = 1 }: Ask<T>): Promise<T> {
    const failures: CliError[] = []
    let mayBeDone = false
    for (const index of this.#inOrder(rounds)) {
      try {
        const answer = await of(this.#idps[index] as string)
        this.#current = index
        return answer
      } catch (error) {
        if (!(error instanceof CliError) || error.code !== 'UNREACHABLE') throw error
        failures.push(error)
        mayBeDone ||= !wasNotTaken(error)
        if (mayBeDone && !mayRepeat()) break
      }
    }
    throw summed(failures)
  }

  #inOrder(rounds: number): number[] {
    const steps = Array.from({ length: rounds * this.#idps.length }, (_, step) => step)
    return steps.map((step) => (this.#current + step) % this.#idps.length)
  }
}

function wasNotTaken({ facts }: CliError): boolean {
  return facts.reason === 'ECONNREFUSED' || notServing.has(facts.code)
}

function summed(failures: readonly CliError[]): CliError {
  const last = failures.at(-1) as CliError
  if (failures.length === 1) return last
  const message = [...new Set(failures.map((failure) => failure.message))].join('; ')
  return new CliError(last.code, message, { ...last.facts }, { cause: last.cause })
}
