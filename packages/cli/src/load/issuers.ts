import { basic, tokenForm } from '../client/token.ts'
import type { Credential } from '../estate/document.ts'
import { brokenCause, type Target } from './cause.ts'
import type { Connections, Incoming, Outgoing } from './http.ts'

/** A reply, and the instance that gave it. */
export interface Issued {
  reply: Incoming
  target: Target
}

/** What requests for tokens need. */
export interface IssuersOptions {
  idps: readonly string[]
  agent: Credential
  connections: Connections
  /** Called for each request that had to be taken to another instance. */
  onRetry: () => void
}

interface Issuer {
  target: Target
  request: Outgoing
}

const unavailable = 503

/**
 * The instances of the IdP under load, asked in turn. As any sensible client of several instances does, a request goes to the
 * next one when a connection fails or an instance says that it cannot serve: it has failed when none did.
 */
export class Issuers {
  readonly #options: IssuersOptions
  readonly #all: readonly Issuer[]
  #turn = 0

  constructor(options: IssuersOptions) {
    this.#options = options
    const headers = {
      authorization: basic(options.agent),
      'content-type': 'application/x-www-form-urlencoded',
    }
    this.#all = options.idps.map((url) => ({
      target: { role: 'token', url },
      request: { method: 'POST', url: new URL(`${url}/api/v1/token`), headers, body: tokenForm() },
    }))
  }

  /** @returns the first good reply, or else the last one; as a text: why the last one did not reply */
  async ask(): Promise<Issued | string> {
    const first = this.#turn++ % this.#all.length
    let answer = await this.#answer(first)
    for (let step = 1; step < this.#all.length && isUnserved(answer); step += 1) {
      this.#options.onRetry()
      answer = await this.#answer((first + step) % this.#all.length)
    }
    return answer
  }

  async #answer(index: number): Promise<Issued | string> {
    const { target, request } = this.#all[index] as Issuer
    try {
      return { reply: await this.#options.connections.send(request), target }
    } catch (error) {
      return brokenCause(error, target)
    }
  }
}

function isUnserved(answer: Issued | string): boolean {
  return typeof answer === 'string' || answer.reply.status === unavailable
}
