import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, elapsedMs, type Moment, momentOf } from '../../clock.ts'
import { VerifyError } from '../../error.ts'
import { writeWhole } from '../../files/replace.ts'
import { instanceName } from '../../instance-name.ts'

const RENEW_MS = 5_000
/** Whoever is not heard of for so long counts as gone: nobody waits for him, and he must accept nothing any more. */
export const HOLDER_LEASE_MS = 3 * RENEW_MS

const failed = (cause: unknown) => new VerifyError('secrets_failed', { detail: 'it cannot be acknowledged', cause })

/**
 * Tells a keyring in a folder which revision this process holds, by a file beside its documents:
 *
 *     holders/INSTANCE.json   { "instance", "holds": revision, "algorithms": [names], "seenAt": ms since the Unix epoch }
 *
 * It is replaced as a whole, and gone when the process says goodbye. No secret is used before every live holder has it.
 */
export class Holder {
  readonly #folder: string
  readonly #instance: string
  readonly #clock: Clock
  #last: { readonly holds: number; readonly sent: Moment } | undefined

  /** @throws {TypeError} for an instance that can be no name of a file */
  constructor(folder: string, instance: string | undefined, clock: Clock) {
    this.#folder = folder
    this.#instance = instance ?? instanceName()
    this.#clock = clock
    if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(this.#instance)) return
    throw new TypeError('instance must be letters, digits, dots, hyphens and underscores, at most 100')
  }

  /** Resolves to when it was said last. A revision that was said to be held a moment ago is not said again. */
  async acknowledge(holds: number, algorithms: readonly string[]): Promise<Moment> {
    const last = this.#last
    if (last?.holds === holds && elapsedMs(this.#clock, last.sent) < RENEW_MS) return last.sent
    const sent = momentOf(this.#clock)
    const text = JSON.stringify({ instance: this.#instance, holds, algorithms, seenAt: sent.wallMs })
    await writeWhole(this.#path, `${text}\n`).catch((cause) => Promise.reject(failed(cause)))
    this.#last = { holds, sent }
    return sent
  }

  async leave(): Promise<void> {
    if (this.#last !== undefined) await rm(this.#path, { force: true }).catch((cause) => Promise.reject(failed(cause)))
  }

  get #path(): string {
    return join(this.#folder, `${this.#instance}.json`)
  }
}
